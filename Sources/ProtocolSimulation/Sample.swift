import CaseRouting

/// Ids, mappings and changes that tests share.
public enum Sample {
    public static let org = "main"
    public static let cic = "hq"
    public static let caseID = id("500A00000000001")
    public static let caseKey = CaseKey(org: org, caseID: caseID)
    public static let queueA = id("00GA00000000001")
    public static let queueB = id("00GA00000000002")
    public static let unmonitored = id("00GA00000000009")
    public static let user = id("005A00000000001")
    public static let otherUser = id("005A00000000002")
    public static let workgroupA = "Support"
    public static let workgroupB = "Billing"
    public static let start = Timestamp(microseconds: 1_800_000_000_000_000)

    public static func id(_ text: String) -> RecordID {
        do throws(InvalidRecordID) {
            return try RecordID(text)
        } catch {
            preconditionFailure("\(text): \(error)")
        }
    }

    public static func mapping(
        _ id: Int32, _ queue: RecordID, _ workgroup: String, onReply: Mapping.OnReply = .end,
        onUnmonitoredQueue: Mapping.OnUnmonitoredQueue = .end, onUserOwner: Mapping.OnUserOwner = .keep
    ) -> Mapping {
        Mapping(
            id: id, org: org, queue: queue, cic: cic, workgroup: workgroup, onReply: onReply,
            onUnmonitoredQueue: onUnmonitoredQueue, onUserOwner: onUserOwner)
    }

    /// Two monitored queues, both on one CIC server.
    public static func configuration(
        mode: OrgSettings.Mode = .live, contactOnUserOwned: OrgSettings.ContactOnUserOwned = .unchanged,
        mappings: [Mapping]? = nil
    ) -> RoutingConfiguration {
        RoutingConfiguration(
            orgs: [
                org: OrgSettings(
                    mode: mode, routesChangesSince: Timestamp(microseconds: 0), contactOnUserOwned: contactOnUserOwned)
            ], mappings: mappings ?? [mapping(1, queueA, workgroupA), mapping(2, queueB, workgroupB)])
    }

    public static func change(
        _ kind: ChangeKind, _ version: Int64, owner: RecordID = queueA, previousOwner: RecordID? = nil,
        isClosed: Bool = false, skills: String = "", key: String? = nil, caseID: RecordID = caseID,
        comparedWith: Int64? = nil, org: String = org
    ) -> CaseChange {
        CaseChange(
            key: key ?? "o:\(kind.rawValue):\(version)", org: org, caseID: caseID, kind: kind, version: version,
            occurredAt: start + .seconds(version), caseNumber: "00001001", owner: owner, previousOwner: previousOwner,
            isClosed: isClosed, skills: skills, priority: "Medium", comparedWith: comparedWith)
    }

    public static func attempt(_ number: UInt64) -> AttemptID { AttemptID(high: 0x7000, low: 1 << 63 | number) }
}
