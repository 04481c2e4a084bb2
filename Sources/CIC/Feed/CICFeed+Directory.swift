import CaseRouting
import JSON

/// The names that mappings may use: `icws.md` 5.2.
extension CICFeed {
    public func directory() async throws(RoutingFailure) -> CICDirectory {
        try await DirectoryReader(session: session, limits: limits, clock: clock).read()
    }
}

extension CICServer {
    /// Reads the names that mappings may use, in this server's session: for `doctor`.
    public func directory() async throws(RoutingFailure) -> CICDirectory {
        try await DirectoryReader(session: session, limits: limits, clock: clock).read()
    }
}

struct DirectoryReader {
    let session: ICWSSession
    let limits: CICLimits
    let clock: any RoutingClock

    /// An answer holds at most 200 items once a property is selected.
    static let page = 200
    /// More names than any site has; a server that never ends is not read for ever.
    static let maximumItems = 100_000

    func read() async throws(RoutingFailure) -> CICDirectory {
        var directory = try await readNames()
        directory.users = try await items("users", ["configurationId"]).map(\.id)
        return directory
    }

    /// Without users, who are many, and whom few cases name.
    func readNames() async throws(RoutingFailure) -> CICDirectory {
        let workgroups = try await items(
            "workgroups", ["configurationId", "hasQueue", "isActive", "queueType", "isAcdEmailRoutingActive"])
        let skills = try await items("skills", ["configurationId"])
        return CICDirectory(workgroups: workgroups.map(\.workgroup), skills: skills.map(\.id), users: [])
    }

    struct Item: Equatable {
        var id = ""
        var hasQueue = false
        var isActive = false
        var queueType = 0
        var takesEmail = false
        /// The utilisation says that no e-mail is taken.
        var refusesEmail = false
        /// Of a user, those in force; nil: the server does not tell.
        var skills: [String]?

        /// `queueType` 5 is ACD.
        var workgroup: CICDirectory.WorkgroupEntry {
            CICDirectory.WorkgroupEntry(
                name: id, isActive: isActive, hasQueue: hasQueue, isACD: queueType == 5, takesEmail: takesEmail)
        }
    }

    /// Reads one member of an item besides those of `Item`.
    typealias MemberReader = @Sendable (JSONKey, inout JSONReader, inout Item) throws -> Void

    func items(
        _ list: String, _ properties: [String], _ more: @escaping MemberReader = { _, _, _ in }
    ) async throws(RoutingFailure) -> [Item] {
        var items: [Item] = []
        let path = "configuration/\(list)?select=" + properties.joined(separator: ",")
        while items.count < Self.maximumItems {
            let first = items.count
            let request = ICWSRequest(
                .get, path, range: "items=\(first)-\(first + Self.page - 1)", maximumBytes: limits.listBytes)
            let answer: ICWSAnswer
            do {
                answer = try await session.call(request, until: clock.monotonic + limits.call)
            } catch {
                throw session.failures.failure(.directory, error)
            }
            // Beyond the last item.
            if answer.status == 416 { break }
            guard answer.isSuccess else { throw session.failures.failure(.directory, answer) }
            let page: [Item]
            do {
                page = answer.body.isEmpty ? [] : try Self.items(answer.body, maximumBytes: limits.listBytes, more)
            } catch {
                throw session.failures.malformed(.directory, answer, error.description)
            }
            items += page
            // A server that does not know ranges gives everything at once.
            let total = answer.headers["Content-Range"].flatMap(Self.total)
            if page.isEmpty || page.count != Self.page || total.map({ items.count >= $0 }) == true { break }
        }
        return items
    }

    /// The number behind the slash of `items 0-199/1234`; nil for `*` and everything else.
    static func total(_ range: String) -> Int? {
        range.lastIndex(of: "/").flatMap { Int(range[range.index(after: $0)...]) }
    }

    /// Items without an id are left out; properties without a value are not sent.
    static func items(
        _ body: [UInt8], maximumBytes: Int, _ more: MemberReader = { _, _, _ in }
    ) throws(JSONError) -> [Item] {
        var items: [Item] = []
        try JSONReader.decode(body, limits: JSONLimits(maximumBytes: maximumBytes)) { reader in
            var found = false
            try reader.object { key, reader in
                guard case "items" = key else { return }
                found = true
                try reader.array { reader in
                    guard reader.kind == .object else { return }
                    items.append(try item(&reader, more))
                }
            }
            if !found { throw reader.missing("items") }
        }
        return items.filter { !$0.id.isEmpty }
    }

    private static func item(_ reader: inout JSONReader, _ more: MemberReader) throws -> Item {
        var item = Item()
        try reader.object { key, reader in
            switch key {
            case "configurationId" where reader.kind == .object:
                try reader.object { key, reader in
                    if case "id" = key, reader.kind == .string { item.id = try reader.string() }
                }
            case "hasQueue" where reader.kind == .bool: item.hasQueue = try reader.bool()
            case "isActive" where reader.kind == .bool: item.isActive = try reader.bool()
            case "isAcdEmailRoutingActive" where reader.kind == .bool: item.takesEmail = try reader.bool()
            case "queueType" where reader.kind == .number: item.queueType = try reader.int()
            default: try more(key, &reader, &item)
            }
        }
        return item
    }
}
