import CaseRouting

/// The names of one CIC server, to check mappings and cases before anything is created. CIC compares names exactly.
struct CICNames: Sendable {
    let server: String
    let creation: CICServerSettings.Creation
    /// Nil where it could not be read; then everything is accepted and CIC itself refuses.
    private let directory: Directory?
    /// CIC's skill by the name that Salesforce uses.
    private let aliases: [String: String]

    private struct Directory {
        let workgroups: [String: CICDirectory.WorkgroupEntry]
        let skills: Set<String>
        /// Nil: not read, or not to be seen.
        let users: Set<String>?
    }

    init(
        server: String, creation: CICServerSettings.Creation, directory: CICDirectory? = nil,
        aliases: [String: String] = [:]
    ) {
        self.server = server
        self.creation = creation
        self.aliases = aliases
        // A directory without a workgroup is one that was not read, or that the user may not see.
        if let directory, !directory.workgroups.isEmpty {
            self.directory = Directory(
                workgroups: Dictionary(directory.workgroups.map { ($0.name, $0) }) { first, _ in first },
                skills: Set(directory.skills), users: directory.users.isEmpty ? nil : Set(directory.users))
        } else {
            self.directory = nil
        }
    }

    /// - Parameter askedAgo: how long ago CIC told these names, for the person who reads the failure.
    func resolve(
        workgroup: String, skills: String, askedAgo: Duration? = nil
    ) throws(RoutingFailure) -> ResolvedTarget {
        do throws(RoutingFailure) {
            return try resolved(workgroup: workgroup, skills: skills)
        } catch {
            guard let askedAgo, error.kind == .configuration, directory != nil else { throw error }
            // Read hours later, the sentence speaks of the moment of the failure.
            let seconds = askedAgo.components.seconds
            let asked = seconds == 0 ? "right before" : "\(seconds) s before"
            throw failure(error.cause, error.summary + " CIC was asked \(asked).")
        }
    }

    private func resolved(workgroup: String, skills: String) throws(RoutingFailure) -> ResolvedTarget {
        if let own = UserQueue(place: workgroup) {
            try check(user: own.user)
            return ResolvedTarget(workgroup: workgroup, skills: [])
        }
        try check(workgroup: workgroup)
        let names = try RequiredSkills(field: skills).names
        guard names.isEmpty || creation == .handler else {
            throw failure(
                .skillsNotSupported,
                "CIC server \(server) creates generic interactions, which cannot require skills. Remove the skills from "
                    + "the mapping, or switch the server to the handler.")
        }
        var resolved: [String] = []
        for name in names {
            let skill = try resolve(skill: name)
            if !resolved.contains(skill) { resolved.append(skill) }
        }
        guard resolved.joined(separator: ";").utf8.count <= HandlerText.maximumBytes else {
            throw RoutingFailure(
                .permanent, at: .resolve, cause: .skillsTooLong,
                "The skills of the case are longer than the handler takes (\(HandlerText.maximumBytes) bytes).")
        }
        return ResolvedTarget(workgroup: workgroup, skills: resolved)
    }

    private func check(workgroup name: String) throws(RoutingFailure) {
        guard !name.isEmpty, HandlerText.isSound(name) else {
            throw failure(.workgroupUnknown, "“\(HandlerText.sound(name))” cannot be a workgroup's name.")
        }
        guard let directory else { return }
        guard let entry = directory.workgroups[name] else {
            throw failure(
                .workgroupUnknown,
                "CIC server \(server) has no workgroup “\(name)”." + hint(name, directory.workgroups.keys))
        }
        let wrong: String? =
            if !entry.hasQueue {
                "has no queue"
            } else if !entry.isActive {
                "is not active"
            } else if !entry.isACD {
                "is not an ACD workgroup"
            } else if creation == .handler && !entry.takesEmail {
                "does not route e-mail by ACD"
            } else {
                nil
            }
        if let wrong {
            throw failure(.workgroupUnusable, "Workgroup “\(name)” of CIC server \(server) \(wrong).")
        }
    }

    private func check(user name: String) throws(RoutingFailure) {
        guard !name.isEmpty, HandlerText.isSound(name) else {
            throw failure(.workgroupUnknown, "“\(HandlerText.sound(name))” cannot be a user's name.")
        }
        guard let users = directory?.users, !users.contains(name) else { return }
        throw failure(.workgroupUnknown, "CIC server \(server) has no user “\(name)”." + hint(name, users))
    }

    private func resolve(skill name: String) throws(RoutingFailure) -> String {
        let skill = aliases[name] ?? name
        let origin = skill == name ? "" : " (alias of “\(name)”)"
        guard !skill.isEmpty, HandlerText.isSound(skill), !skill.contains(";") else {
            throw failure(.skillUnknown, "“\(HandlerText.sound(skill))”\(origin) cannot be a skill's name.")
        }
        guard let directory, !directory.skills.contains(skill) else { return skill }
        throw failure(
            .skillUnknown,
            "CIC server \(server) has no skill “\(skill)”\(origin)." + hint(skill, directory.skills))
    }

    private func failure(_ cause: FailureCause, _ summary: String) -> RoutingFailure {
        RoutingFailure(.configuration, at: .resolve, cause: cause, summary)
    }

    private func hint(_ name: String, _ known: some Collection<String>) -> String {
        guard let nearest = NearestName.find(name, in: known) else { return "" }
        return " Did you mean “\(nearest)”?"
    }
}

/// The name that was probably meant: equal but for case and blanks, else a few letters away.
enum NearestName {
    static func find(_ name: String, in known: some Collection<String>) -> String? {
        let folded = fold(name)
        let limit = min(3, folded.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in known {
            let other = fold(candidate)
            guard abs(other.count - folded.count) <= limit else { continue }
            let distance = distance(folded, other, limit: limit)
            guard distance <= limit else { continue }
            if let found = best, (found.distance, found.name) <= (distance, candidate) { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    private static func fold(_ name: String) -> [Character] {
        name.lowercased().filter { $0 != " " && $0 != "-" && $0 != "_" }.map { $0 }
    }

    /// Letters to insert, delete or replace; more than `limit` is not counted out.
    private static func distance(_ one: [Character], _ other: [Character], limit: Int) -> Int {
        var row = Array(0...other.count)
        for (index, letter) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for place in other.indices {
                let replaced = diagonal + (other[place] == letter ? 0 : 1)
                diagonal = row[place + 1]
                row[place + 1] = min(replaced, diagonal + 1, row[place] + 1)
            }
            if row.min() ?? 0 > limit { return limit + 1 }
        }
        return row[other.count]
    }
}
