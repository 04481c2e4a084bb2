import CaseRouting
import JSON
import Operations

extension CICInspection {
    mutating func readDirectory() async -> CICDirectory? {
        do throws(RoutingFailure) {
            let directory = try await server.directory()
            guard !directory.workgroups.isEmpty else {
                fail(.cicDirectory, "no workgroup is shown to \(settings.user)")
                return nil
            }
            let counts =
                "\(directory.workgroups.count) workgroups, \(directory.skills.count) skills, \(directory.users.count) users"
            if directory.users.isEmpty {
                warn(.cicDirectory, "\(counts) are shown to \(settings.user)")
            } else {
                ok(.cicDirectory, "\(counts) are shown to \(settings.user)")
            }
            return directory
        } catch {
            fail(.cicDirectory, said(error))
            return nil
        }
    }

    mutating func lookAtHolding(_ directory: CICDirectory) async {
        let name = settings.holdingWorkgroup
        guard let entry = directory.workgroups.first(where: { $0.name == name }) else {
            return fail(.cicHolding, "there is no workgroup \(name)" + hint(name, directory))
        }
        var wrong: [String] = []
        if !entry.hasQueue { wrong.append("has no queue") }
        if !entry.isActive { wrong.append("is not active") }
        if entry.isACD { wrong.append("is an ACD workgroup: agents would be offered cases that are not ready") }
        guard wrong.isEmpty else { return fail(.cicHolding, "\(name) \(wrong.joined(separator: ", "))") }
        guard let members = await members(of: name, .cicHolding) else { return }
        if members.isEmpty {
            ok(.cicHolding, "\(name) has a queue, is active, is not ACD and has no members")
        } else {
            warn(.cicHolding, "\(name) has \(members.count) members, who can see and take cases that are not ready")
        }
    }

    mutating func lookAtWorkgroups(_ directory: CICDirectory) async {
        var all: Set<String> = []
        for name in workgroups {
            guard let entry = directory.workgroups.first(where: { $0.name == name }) else {
                fail(.cicWorkgroup, "there is no workgroup \(name)" + hint(name, directory))
                continue
            }
            let wrong =
                !entry.hasQueue
                ? "has no queue"
                : !entry.isActive
                    ? "is not active" : !entry.isACD ? "is not an ACD workgroup: nobody is offered its cases" : nil
            if let wrong {
                fail(.cicWorkgroup, "\(name) \(wrong)")
                continue
            }
            ok(.cicWorkgroup, "\(name) is an active ACD workgroup with a queue")
            if settings.creation == .handler && !entry.takesEmail {
                fail(.cicEmail, "\(name) does not route e-mail by ACD")
            }
            guard let members = await members(of: name, .cicMembers) else { continue }
            examination.members[name] = members
            all.formUnion(members)
            if members.isEmpty {
                warn(.cicMembers, "\(name) has no members: nobody is offered its cases")
            } else {
                ok(.cicMembers, "\(name) has \(members.count) members")
            }
        }
        guard settings.creation == .handler && !all.isEmpty else { return }
        do throws(RoutingFailure) {
            let users = try await server.agents()
            lookAtUtilisation(Set(users.filter(\.refusesEmail).map(\.id)), directory)
            lookAtSkills(of: users, directory)
        } catch {
            warn(.cicEmail, "whether members take e-mail cannot be seen: \(said(error))")
        }
    }

    mutating func lookAtUsers(_ directory: CICDirectory) {
        guard !ownQueues.isEmpty else { return ok(.cicUser, "no mapping names a user's own queue") }
        guard !directory.users.isEmpty else {
            return warn(.cicUser, "no user is shown to \(settings.user), so mapped users cannot be looked for")
        }
        let known = Set(directory.users)
        let missing = ownQueues.map(\.user).filter { !known.contains($0) }
        for name in missing {
            let near = SimilarName.find(name, in: directory.users).map { "; did you mean \($0)?" } ?? ""
            fail(.cicUser, "there is no user \(name)\(near)")
        }
        if missing.isEmpty { ok(.cicUser, "all \(ownQueues.count) mapped users are there") }
    }

    /// Who takes no e-mail is offered none, however idle. A server that does not tell is taken to allow it.
    private mutating func lookAtUtilisation(_ refusing: Set<String>, _ directory: CICDirectory) {
        for name in workgroups {
            guard let members = examination.members[name], !members.isEmpty,
                directory.workgroups.contains(where: { $0.name == name && $0.takesEmail })
            else { continue }
            let without = members.filter { refusing.contains($0) }
            if without.count == members.count {
                warn(
                    .cicEmail,
                    "nobody in \(name) can take an e-mail interaction: the utilisation of all members is none")
            } else if without.isEmpty {
                ok(.cicEmail, "\(name) routes e-mail, and its members take it")
            } else {
                warn(
                    .cicEmail,
                    "\(name): \(without.count) of \(members.count) members take no e-mail: "
                        + without.sorted().prefix(5).joined(separator: ", ") + (without.count > 5 ? ", …" : ""))
            }
        }
    }

    /// A case that requires what no member has waits for ever, and nothing says so. Skills that cases bring themselves are
    /// not known here.
    private mutating func lookAtSkills(of users: [DirectoryReader.Item], _ directory: CICDirectory) {
        let skills = Dictionary(users.compactMap { user in user.skills.map { (user.id, Set($0)) } }) { $1 }
        for mapping in mappings where !mapping.skills.isEmpty {
            let required = Set(mapping.skills.map(meant))
            guard required.isSubset(of: directory.skills), let members = examination.members[mapping.workgroup],
                !members.isEmpty, members.allSatisfy({ skills[$0] != nil }),
                !members.contains(where: { required.isSubset(of: skills[$0] ?? []) })
            else { continue }
            warn(
                .cicSkill,
                "nobody in \(mapping.workgroup) has \(required.sorted().joined(separator: " and ")), which the mapping of "
                    + "queue \(mapping.queue) of \(mapping.org) requires: its cases wait for ever",
                "give members of the workgroup the skills, or take them from the mapping: "
                    + "caserouter mappings list --cic \(settings.name)")
        }
    }

    private func meant(_ name: String) -> String {
        aliases.first { $0.kind == .skill && $0.name == name }?.means ?? name
    }

    mutating func lookAtSkills(_ directory: CICDirectory) {
        let known = Set(directory.skills)
        let named = Set(mappings.flatMap(\.skills).map(meant)).union(aliases.filter { $0.kind == .skill }.map(\.means))
        guard !named.isEmpty else {
            return ok(.cicSkill, "no mapping and no alias names a skill; \(known.count) are known")
        }
        if settings.creation == .generic, mappings.contains(where: { !$0.skills.isEmpty }) {
            fail(
                .cicSkill, "a mapping requires skills, which generic interactions cannot",
                "remove the skills from the mapping, or switch the server to the handler")
        }
        let missing = named.subtracting(known).sorted()
        guard missing.isEmpty else {
            for skill in missing {
                let near = SimilarName.find(skill, in: directory.skills).map { "; did you mean \($0)?" } ?? ""
                fail(.cicSkill, "there is no skill \(skill)\(near)")
            }
            return
        }
        ok(.cicSkill, "all \(named.count) skills of mappings and aliases are there")
    }

    private func hint(_ name: String, _ directory: CICDirectory) -> String {
        SimilarName.find(name, in: directory.workgroups.map(\.name)).map { "; did you mean \($0)?" } ?? ""
    }

    /// Nil: not told; the line says so.
    private mutating func members(of workgroup: String, _ check: DoctorCheck) async -> [String]? {
        let path = "configuration/workgroups/\(ICWSPath.encoded(workgroup))?select=configurationId,members"
        do throws(RoutingFailure) {
            return try await server.one(path) { reader in
                var members: [String] = []
                try reader.object { key, reader in
                    guard case "members" = key, reader.kind == .array else { return }
                    try reader.array { reader in
                        guard reader.kind == .object else { return }
                        try reader.object { key, reader in
                            if case "id" = key, reader.kind == .string { members.append(try reader.string()) }
                        }
                    }
                }
                return members
            }
        } catch {
            warn(check, "who is in \(workgroup) cannot be seen: \(said(error))")
            return nil
        }
    }
}

extension CICServer {
    /// Reads one resource of the configuration.
    func one<Value: Sendable>(
        _ path: String, _ read: @Sendable (inout JSONReader) throws -> Value
    ) async throws(RoutingFailure) -> Value {
        let answer: ICWSAnswer
        do {
            answer = try await session.call(
                ICWSRequest(.get, path, maximumBytes: limits.listBytes), until: clock.monotonic + limits.call)
        } catch {
            throw failures.failure(.directory, error)
        }
        guard answer.isSuccess else { throw failures.failure(.directory, answer) }
        do throws(JSONError) {
            return try JSONReader.decode(answer.body, limits: JSONLimits(maximumBytes: limits.listBytes), read)
        } catch {
            throw failures.malformed(.directory, answer, error.description)
        }
    }

    /// Users with what decides about the cases that they are offered.
    func agents() async throws(RoutingFailure) -> [DirectoryReader.Item] {
        try await DirectoryReader(session: session, limits: limits, clock: clock).agents()
    }
}

extension DirectoryReader {
    /// `mediaType` 3 is e-mail.
    private static let email = 3

    func agents() async throws(RoutingFailure) -> [Item] {
        try await items("users", ["configurationId", "utilizations", "skills"]) { key, reader, item in
            switch key {
            case "utilizations" where reader.kind == .array: item.refusesEmail = try Self.refusesEmail(&reader)
            case "skills" where reader.kind == .object: item.skills = try Self.skills(&reader)
            default: break
            }
        }
    }

    private static func refusesEmail(_ reader: inout JSONReader) throws -> Bool {
        var refuses = false
        try reader.array { reader in
            guard reader.kind == .object else { return }
            var media: Int?
            var most: Int?
            try reader.object { key, reader in
                switch key {
                case "mediaType" where reader.kind == .number: media = try reader.int()
                case "maxAssignable" where reader.kind == .number: most = try reader.int()
                default: break
                }
            }
            if media == email, most == 0 { refuses = true }
        }
        return refuses
    }

    /// Those in force, by workgroup and role too; nil where only the user's own are told.
    private static func skills(_ reader: inout JSONReader) throws -> [String]? {
        var skills: [String]?
        try reader.object { key, reader in
            guard case "effectiveValue" = key, reader.kind == .array else { return }
            var found: [String] = []
            try reader.array { reader in
                guard reader.kind == .object else { return }
                try reader.object { key, reader in
                    guard case "id" = key, reader.kind == .object else { return }
                    try reader.object { key, reader in
                        if case "id" = key, reader.kind == .string { found.append(try reader.string()) }
                    }
                }
            }
            skills = found
        }
        return skills
    }
}
