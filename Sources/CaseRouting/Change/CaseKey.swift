/// A case: the name of its org here and its id there. Equal ids occur in two orgs, a sandbox and its origin.
public struct CaseKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let org: String
    public let caseID: RecordID

    public init(org: String, caseID: RecordID) {
        self.org = org
        self.caseID = caseID
    }

    public var description: String { "\(org)/\(caseID)" }

    public static func < (left: CaseKey, right: CaseKey) -> Bool {
        (left.org, left.caseID.description) < (right.org, right.caseID.description)
    }
}
