import CaseRouting

/// Cases that a change of mappings concerns: how many there are, for the person who makes it. Errors are of kind `own`.
public protocol CaseCounts: Sendable {
    /// Open cases that this queue owns, that nobody is offered, and that we have heard of.
    func unoffered(org: String, queue: RecordID) async throws(RoutingFailure) -> Int
    /// Cases that are wanted by this mapping now.
    func wanted(by mapping: Int32) async throws(RoutingFailure) -> Int
    /// Open cases of monitored queues that nobody is offered.
    func waiting(org: String) async throws(RoutingFailure) -> Int
    /// Cases of the org with an interaction in CIC, or on their way to one.
    func active(org: String) async throws(RoutingFailure) -> Int
    /// The id of a mapping's queue, once it was seen in Salesforce.
    func queue(ofMappingFor queue: String, org: String) async throws(RoutingFailure) -> RecordID?
}
