"""Pages that hold a report whole: no script, no network, charts drawn beforehand. For screens, phones and paper."""
