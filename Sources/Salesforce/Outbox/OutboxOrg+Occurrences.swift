import CaseRouting

extension OutboxOrg {
    public func occurrences(of owners: [RecordID], since: Timestamp) async throws(RoutingFailure) -> [CaseChange] {
        []
    }
}
