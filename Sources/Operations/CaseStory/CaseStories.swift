import CaseRouting

/// Where the stories of cases are kept. Errors are of kind `own`, or `configuration` when a right is missing.
public protocol CaseStoryStore: Sendable {
    /// All cases of that name; one per org at most when it is an id.
    func find(_ reference: CaseReference, org: String?) async throws(RoutingFailure) -> [CaseKey]
    /// Orgs that there are or were: cases outlive them.
    func orgs() async throws(RoutingFailure) -> [String]
    func story(of key: CaseKey) async throws(RoutingFailure) -> CaseStory?
}

/// `case`: one case's whole story.
public struct CaseStories: Sendable {
    private let store: any CaseStoryStore

    public init(store: any CaseStoryStore) { self.store = store }

    /// - Throws: `Refusal` when no case is called so, when several orgs have one, or when there is no such org.
    public func story(of name: String, org: String?) async throws -> CaseStory {
        let found = try await store.find(CaseReference(name), org: org)
        guard let key = found.first else {
            if let org {
                let orgs = try await store.orgs()
                if !orgs.contains(org) { throw Refusal.unknown("org", org, among: orgs) }
            }
            throw Refusal(
                .notDone,
                "there is no case \(name.quoted)\(org.map { " in org \($0.quoted)" } ?? ""); give its number as Salesforce "
                    + "shows it, or its id with 15 or 18 characters. If it was made in Salesforce just now, look for gaps: "
                    + "caserouter status")
        }
        guard found.count == 1 else {
            throw Refusal(
                .usage,
                "\(name.quoted) is a case in several orgs: \(found.map { "\($0.org) (\($0.caseID))" }.joined(separator: ", ")); "
                    + "say which with --org, or give the id")
        }
        guard let story = try await store.story(of: key) else {
            throw Refusal(.notDone, "case \(name.quoted) is gone since a moment ago; look again")
        }
        return story
    }
}
