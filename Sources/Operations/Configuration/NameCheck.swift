import CaseRouting

/// What workers have read of the names of Salesforce and CIC.
public protocol NameMirrors: Sendable {
    /// Nil: nobody has read them yet.
    func queues(org: String) async throws(RoutingFailure) -> QueueMirror?
    func directory(cic: String) async throws(RoutingFailure) -> DirectoryMirror?
    /// Nil: nobody has read any.
    func legacyMappings(org: String) async throws(RoutingFailure) -> LegacyMappingMirror?
}

public struct LegacyMappingMirror: Equatable, Sendable {
    public let rows: [LegacyMapping]
    /// Since they were read.
    public let age: Duration

    public init(rows: [LegacyMapping], age: Duration) {
        self.rows = rows
        self.age = age
    }
}

public struct QueueMirror: Equatable, Sendable {
    public let queues: [SalesforceQueue]
    /// Since they were read.
    public let age: Duration

    public init(queues: [SalesforceQueue], age: Duration) {
        self.queues = queues
        self.age = age
    }
}

public struct DirectoryMirror: Equatable, Sendable {
    public let directory: CICDirectory
    public let age: Duration

    public init(directory: CICDirectory, age: Duration) {
        self.directory = directory
        self.age = age
    }
}

/// Whether the names that people set exist: queues in Salesforce, workgroups and skills in CIC. What was never read cannot
/// be checked; `notes` says so, and how old the knowledge is where it is old.
struct NameCheck {
    let names: any NameMirrors
    let servers: [CICServerSetup]
    let aliases: [AliasSetup]
    private(set) var notes: [String] = []

    /// Knowledge that is older is called old: workers read names every minute, queues every hour.
    private static let freshness: Duration = .seconds(2 * 3_600)

    init(names: any NameMirrors, servers: [CICServerSetup], aliases: [AliasSetup]) {
        self.names = names
        self.servers = servers
        self.aliases = aliases
    }

    mutating func check(_ mapping: MappingSetup, at path: String) async throws {
        try await checkQueue(mapping, path)
        guard let server = servers.first(where: { $0.name == mapping.cic }) else { return }
        guard let mirror = try await directory(server) else { return }
        if let own = UserQueue(place: mapping.workgroup) { return try check(own, mirror, server, "\(path).workgroup") }
        let entry = try workgroup(mapping.workgroup, mirror, server, "\(path).workgroup")
        guard entry.isACD else {
            throw SettingError(
                "\(path).workgroup",
                "\(entry.name) of \(server.name) is not an ACD workgroup: nobody would be offered its cases"
                    + old(mirror.age))
        }
        if server.creation == .handler && !entry.takesEmail {
            throw SettingError(
                "\(path).workgroup",
                "the members of \(entry.name) on \(server.name) take no e-mail interactions; switch e-mail routing on for "
                    + "it in Interaction Administrator" + old(mirror.age))
        }
        for skill in mapping.skills {
            let name = aliases.first { $0.cic == server.name && $0.kind == .skill && $0.name == skill }?.means ?? skill
            guard !mirror.directory.skills.contains(name) else { continue }
            throw SettingError(
                "\(path).skills",
                "CIC server \(server.name) has no skill \(name)" + hint(name, mirror.directory.skills)
                    + old(mirror.age))
        }
    }

    /// The holding workgroup: it takes interactions, and nobody is offered them there.
    mutating func check(_ server: CICServerSetup, at path: String) async throws {
        guard let mirror = try await directory(server) else { return }
        let entry = try workgroup(server.holding, mirror, server, "\(path).holding")
        guard !entry.isACD else {
            throw SettingError(
                "\(path).holding",
                "\(entry.name) of \(server.name) is an ACD workgroup: agents would be offered cases that are not ready"
                    + old(mirror.age))
        }
    }

    private mutating func check(
        _ own: UserQueue, _ mirror: DirectoryMirror, _ server: CICServerSetup, _ path: String
    ) throws(SettingError) {
        let users = mirror.directory.users
        guard !users.isEmpty else {
            return note("CIC server \(server.name) shows its users to nobody here, so \(own.user) could not be checked")
        }
        guard !users.contains(own.user) else { return }
        guard !mirror.directory.workgroups.contains(where: { $0.name == own.place }) else {
            throw SettingError(
                path,
                "\(own.place) is the own queue of a user \(own.user), whom CIC server \(server.name) does not have; its "
                    + "workgroup of this name cannot be mapped: give it one that does not begin with \(UserQueue.prefix)"
            )
        }
        throw SettingError(
            path, "CIC server \(server.name) has no user \(own.user)" + hint(own.user, users) + old(mirror.age))
    }

    private mutating func checkQueue(_ mapping: MappingSetup, _ path: String) async throws {
        // Users of Salesforce are not mirrored.
        guard mapping.userID == nil else { return }
        guard let mirror = try await names.queues(org: mapping.org), !mirror.queues.isEmpty else {
            note(
                "queues of org \(mapping.org) were not read yet, so \(mapping.queue) could not be checked; the mapping "
                    + "counts as soon as an ingest worker has seen the queue")
            return
        }
        let isThere = mirror.queues.contains {
            $0.name == mapping.queue || $0.developerName == mapping.queue || $0.id.matches(mapping.queue)
        }
        guard isThere else {
            throw SettingError(
                "\(path).queue",
                "org \(mapping.org) has no queue \(mapping.queue)" + hint(mapping.queue, mirror.queues.map(\.name))
                    + old(mirror.age))
        }
    }

    private mutating func directory(_ server: CICServerSetup) async throws -> DirectoryMirror? {
        if let mirror = try await names.directory(cic: server.name), !mirror.directory.workgroups.isEmpty {
            return mirror
        }
        note(
            "workgroups and skills of CIC server \(server.name) were not read yet, so names on it could not be checked; a "
                + "route worker that is logged in reads them within a minute")
        return nil
    }

    private func workgroup(
        _ name: String, _ mirror: DirectoryMirror, _ server: CICServerSetup, _ path: String
    ) throws(SettingError) -> CICDirectory.WorkgroupEntry {
        guard let entry = mirror.directory.workgroups.first(where: { $0.name == name }) else {
            throw SettingError(
                path,
                "CIC server \(server.name) has no workgroup \(name)"
                    + hint(name, mirror.directory.workgroups.map(\.name)) + old(mirror.age))
        }
        guard entry.hasQueue else {
            throw SettingError(path, "workgroup \(name) of \(server.name) has no queue" + old(mirror.age))
        }
        guard entry.isActive else {
            throw SettingError(path, "workgroup \(name) of \(server.name) is not active" + old(mirror.age))
        }
        return entry
    }

    private static let mostShown = 30

    private func hint(_ name: String, _ known: [String]) -> String {
        if let similar = SimilarName.find(name, in: known) { return "; did you mean \(similar)?" }
        let shown = known.sorted().prefix(Self.mostShown).joined(separator: ", ")
        let more = known.count > Self.mostShown ? " and \(known.count - Self.mostShown) more" : ""
        return known.isEmpty ? "; there are none" : "; there are: \(shown)\(more)"
    }

    private func old(_ age: Duration) -> String {
        age > Self.freshness
            ? " (as read \(CaseStory.span(age)) ago: no worker has read it since; --unchecked saves it all the same)"
            : " (as read \(CaseStory.span(age)) ago; if it is newer than that, wait for the next reading, or give --unchecked)"
    }

    private mutating func note(_ text: String) { if !notes.contains(text) { notes.append(text) } }
}

extension RecordID {
    /// Whether the text is this id, with 15 or 18 characters.
    func matches(_ text: String) -> Bool {
        do throws(InvalidRecordID) {
            return try RecordID(text) == self
        } catch {
            return false
        }
    }
}
