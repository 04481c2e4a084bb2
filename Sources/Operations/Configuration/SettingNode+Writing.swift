import CaseRouting

/// What is set as the nodes of a site file: read again they give the same.
extension SiteSetup {
    public var node: SettingNode {
        var sections: [(name: String, value: SettingNode)] = []
        if !orgs.isEmpty { sections.append(("orgs", .list(orgs.map(\.node)))) }
        if !servers.isEmpty { sections.append(("cic", .list(servers.map(\.node)))) }
        if !mappings.isEmpty { sections.append(("mappings", .list(mappings.map(\.node)))) }
        if !aliases.isEmpty { sections.append(("aliases", .list(aliases.map(\.node)))) }
        if !settings.isEmpty { sections.append(("settings", .dictionary(settings))) }
        return .section(sections)
    }
}

extension OrgSetup {
    public var node: SettingNode {
        var members: [(name: String, value: SettingNode)] = [
            ("name", .text(name)), ("organization_id", .text(organizationID.description)),
            ("login_url", .text(loginURL)), ("flow", .text(flow.rawValue)), ("api_version", .text(apiVersion)),
            ("mode", .text(mode.rawValue)),
        ]
        if let since = routesChangesSince { members.append(("route_changes_since", .text(since.description))) }
        members += [
            ("contact_on_user_owned", .text(contactOnUserOwned.rawValue)), ("version_epoch", .text("\(versionEpoch)")),
            ("sweep_every", .text(sweepEvery.settingText)),
        ]
        if !source.isEmpty { members.append(("source", .dictionary(source))) }
        return .section(members)
    }
}

extension CICServerSetup {
    public var node: SettingNode {
        var members: [(name: String, value: SettingNode)] = [
            ("name", .text(name)), ("hosts", .list(hosts.map { .text($0) })), ("tls", .text(tls ? "true" : "false")),
            ("creation", .text(creation.rawValue)), ("holding", .text(holding)),
            ("messaging", .text(messaging.rawValue)),
            ("recovery_wait", .text(recoveryWait.settingText)), ("visible_name", .text(visibleName)),
        ]
        if !attributes.isEmpty { members.append(("attributes", .dictionary(attributes))) }
        return .section(members)
    }
}

extension MappingSetup {
    public var node: SettingNode {
        var members: [(name: String, value: SettingNode)] = [
            ("org", .text(org)), ("queue", .text(queue)), ("cic", .text(cic)), ("workgroup", .text(workgroup)),
        ]
        if !skills.isEmpty { members.append(("skills", .list(skills.map { .text($0) }))) }
        members += [
            ("take_skills", .text(takesSkills ? "true" : "false")), ("on_reply", .text(onReply.rawValue)),
            ("on_unmonitored_queue", .text(onUnmonitoredQueue.rawValue)),
            ("on_user_owner", .text(onUserOwner.rawValue)), ("enabled", .text(isEnabled ? "true" : "false")),
        ]
        return .section(members)
    }
}

extension AliasSetup {
    public var node: SettingNode {
        .section([
            ("cic", .text(cic)), ("kind", .text(kind.rawValue)), ("name", .text(name)), ("means", .text(means)),
        ])
    }
}

extension SettingNode {
    static func dictionary(_ values: [String: String]) -> SettingNode {
        .section(values.sorted { $0.key < $1.key }.map { (name: $0.key, value: .text($0.value)) })
    }

    /// Members whose values are lists where people write them in one word.
    private static let lists: Set<String> = ["hosts", "skills"]

    /// The section with `FIELD=VALUE` set, as commands take it: lists are separated by `,` or `;`, members of a section
    /// are named `attributes.NAME`, an empty value takes the field away.
    ///
    /// - Throws: `Refusal` for a word without `=`. Whether the field exists is seen when the section is read.
    public func setting(_ word: String) throws(Refusal) -> SettingNode {
        guard case .section(var members) = self, let equals = word.firstIndex(of: "="), equals > word.startIndex else {
            throw Refusal(.usage, "\(word.quoted) is no FIELD=VALUE")
        }
        let path = word[..<equals].split(separator: ".", maxSplits: 1).map(String.init)
        let text = String(word[word.index(after: equals)...])
        let name = path[0]
        let index = members.firstIndex { $0.name == name }
        var value: SettingNode?
        if path.count == 2 {
            value = try (index.map { members[$0].value } ?? .section([])).setting("\(path[1])=\(text)")
            if value == .section([]) { value = nil }
        } else if text.isEmpty {
            value = nil
        } else if Self.lists.contains(name) {
            value = .list(
                text.split { $0 == "," || $0 == ";" }.map {
                    .text($0.trimmingPrefix(while: \.isWhitespace).description)
                })
        } else {
            value = .text(text)
        }
        switch (index, value) {
        case (let index?, let value?): members[index].value = value
        case (let index?, nil): members.remove(at: index)
        case (nil, let value?): members.append((name, value))
        case (nil, nil): break
        }
        return .section(members)
    }

    /// The members that differ, as `field: before → after`; for one line that says what changed.
    public func differences(from before: SettingNode?) -> [String] {
        guard case .section(let members) = self else {
            return before == self ? [] : [(before.map { "\($0.inWords) → " } ?? "") + inWords]
        }
        var old: [(name: String, value: SettingNode)] = []
        if case .section(let known)? = before { old = known }
        var lines: [String] = []
        for (name, value) in members {
            let was = old.first { $0.name == name }?.value
            if was != value {
                lines.append(was.map { "\(name): \($0.inWords) → \(value.inWords)" } ?? "\(name): \(value.inWords)")
            }
        }
        for (name, value) in old where !members.contains(where: { $0.name == name }) {
            lines.append("\(name): \(value.inWords) → none")
        }
        return lines
    }

    var inWords: String {
        switch self {
        case .text(let text): text
        case .list(let list): list.map(\.inWords).joined(separator: ";")
        case .section(let members): members.map { "\($0.name)=\($0.value.inWords)" }.joined(separator: ", ")
        }
    }
}

extension Duration {
    /// As `init(settingText:)` reads it; whole seconds.
    var settingText: String {
        let seconds = components.seconds
        for (factor, unit) in [(86_400 as Int64, "d"), (3_600, "h"), (60, "m")]
        where seconds > 0 && seconds % factor == 0 {
            return "\(seconds / factor)\(unit)"
        }
        return "\(seconds)s"
    }
}
