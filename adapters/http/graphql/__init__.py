"""GraphQL for front ends: the same queries as REST, several in one request, under the same scopes. See
docs/graphql.md."""

from adapters.http.graphql.route import graphql_route

__all__ = ["graphql_route"]
