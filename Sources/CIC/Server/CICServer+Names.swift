import CaseRouting

/// What is known of the names of one CIC server, from the mirror and by asking.
struct KnownNames {
    private let server: String
    private let creation: CICServerSettings.Creation
    /// As the watch stored them.
    private var mirrored: CICDirectory?
    /// As this worker read them itself.
    private var own: CICDirectory?
    /// Whether users, who are many, were among what was read.
    private var ownHasUsers = false
    private var aliases: [String: String] = [:]
    private var sources: [CICNames] = []
    /// Those that know users.
    private var sourcesOfUsers: [CICNames] = []

    init(server: String, creation: CICServerSettings.Creation) {
        self.server = server
        self.creation = creation
    }

    mutating func use(aliases: [String: String]) {
        guard aliases != self.aliases else { return }
        self.aliases = aliases
        build()
    }

    /// What this worker read itself is older than a mirror that has changed, or will be read again.
    mutating func use(mirror: CICDirectory) {
        mirrored = mirror
        own = nil
        build()
    }

    /// - Returns: the names of this directory alone.
    mutating func use(own directory: CICDirectory, hasUsers: Bool) -> CICNames {
        own = directory
        ownHasUsers = hasUsers
        build()
        return names(directory)
    }

    /// The names that this worker read itself; nil, too, when users are asked for and were not read.
    func ownNames(withUsers: Bool) -> CICNames? { withUsers && !ownHasUsers ? nil : own.map(names) }

    private mutating func build() {
        sources = [mirrored, own].compactMap { $0.map(names) }
        sourcesOfUsers = [mirrored, ownHasUsers ? own : nil].compactMap { $0.map(names) }
    }

    /// What is known of workgroups, or of users.
    func sources(for place: String) -> [CICNames] { UserQueue(place: place) == nil ? sources : sourcesOfUsers }

    private func names(_ directory: CICDirectory) -> CICNames {
        CICNames(server: server, creation: creation, directory: directory, aliases: aliases)
    }
}

/// Names are accepted by what is known, however old: CIC itself refuses what is gone. They are refused only by what CIC
/// said within the last seconds, so that an old mirror fails no case whose workgroup or skill is there by now.
extension CICServer {
    /// What CIC calls the skills that Salesforce names otherwise.
    public nonisolated func use(aliases: [String: String]) { names.withLock { $0.use(aliases: aliases) } }

    /// The directory as the watch stored it, when it has changed.
    public nonisolated func use(directory: CICDirectory) { names.withLock { $0.use(mirror: directory) } }

    public nonisolated func knows(workgroup: String, skills: String) -> Bool {
        let sources = names.withLock { $0.sources(for: workgroup) }
        return sources.contains { names in
            do throws(RoutingFailure) {
                _ = try names.resolve(workgroup: workgroup, skills: skills)
                return true
            } catch {
                return false
            }
        }
    }

    public func resolve(workgroup: String, skills: String) async throws(RoutingFailure) -> ResolvedTarget {
        for names in names.withLock({ $0.sources(for: workgroup) }) {
            do throws(RoutingFailure) {
                return try names.resolve(workgroup: workgroup, skills: skills)
            } catch {
                // Nothing that CIC says could make it right.
                guard error.isAboutUnknownNames else { throw error }
            }
        }
        let names = try await namesFromCIC(withUsers: UserQueue(place: workgroup) != nil)
        return try names.resolve(workgroup: workgroup, skills: skills, askedAgo: clock.monotonic - namesReadAt)
    }

    /// What CIC says now, or said within the last seconds. All who ask meanwhile share one reading.
    private func namesFromCIC(withUsers: Bool) async throws(RoutingFailure) -> CICNames {
        if withUsers { readsUsers = true }
        if namesReadAt + limits.namesFreshness > clock.monotonic,
            let own = names.withLock({ $0.ownNames(withUsers: withUsers) })
        {
            return own
        }
        let caller = Awaited<Result<CICNames, RoutingFailure>>()
        nameCallers.append(caller)
        if nameCallers.count == 1 {
            let outcome = await readNames()
            let callers = nameCallers
            nameCallers = []
            for one in callers { one.fulfil(outcome) }
            return try outcome.get()
        }
        guard let outcome = await caller.wait(limits.call * 2, on: transport.loop) else {
            throw failures.silent(.directory)
        }
        return try outcome.get()
    }

    private func readNames() async -> Result<CICNames, RoutingFailure> {
        let directory: CICDirectory
        let hasUsers = readsUsers
        do throws(RoutingFailure) {
            let reader = DirectoryReader(session: session, limits: limits, clock: clock)
            directory = hasUsers ? try await reader.read() : try await reader.readNames()
        } catch {
            // Who may not read the names leaves them to CIC; everything else says nothing about them.
            guard error.kind == .configuration || error.kind == .permanent else { return .failure(error) }
            directory = CICDirectory(workgroups: [], skills: [], users: [])
        }
        namesReadAt = clock.monotonic
        return .success(names.withLock { $0.use(own: directory, hasUsers: hasUsers) })
    }
}

extension RoutingFailure {
    fileprivate var isAboutUnknownNames: Bool {
        [.workgroupUnknown, .workgroupUnusable, .skillUnknown].contains(cause)
    }
}
