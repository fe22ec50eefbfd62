"""The compliance page: cases, requests and proofs, for officers who each have a login of their own."""

from adapters.http.compliance.desk import Checked, ComplianceDesk, Proofs
from adapters.http.compliance.pages import compliance_routes

__all__ = ["Checked", "ComplianceDesk", "Proofs", "compliance_routes"]
