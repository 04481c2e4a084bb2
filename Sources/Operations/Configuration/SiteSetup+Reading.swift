import CaseRouting

extension SiteSetup {
    /// Reads a site file. Everything in it is checked against itself: names that are used have to be defined in it.
    ///
    /// - Throws: the first thing that is wrong, by the name of the setting.
    public init(_ node: SettingNode) throws(SettingError) {
        self.init()
        var reader = try SectionReader(
            node, "", known: ["orgs", "cic", "mappings", "aliases", "settings"])
        for (index, node) in (try reader.list("orgs") ?? []).enumerated() {
            orgs.append(try OrgSetup(node, "orgs[\(index)]"))
        }
        for (index, node) in (try reader.list("cic") ?? []).enumerated() {
            servers.append(try CICServerSetup(node, "cic[\(index)]"))
        }
        for (index, node) in (try reader.list("mappings") ?? []).enumerated() {
            mappings.append(try MappingSetup(node, "mappings[\(index)]"))
        }
        for (index, node) in (try reader.list("aliases") ?? []).enumerated() {
            aliases.append(try AliasSetup(node, "aliases[\(index)]"))
        }
        settings = try reader.dictionary("settings") ?? [:]
        for name in settings.keys.sorted() {
            try KnownSetting.check(name, settings[name] ?? "", at: "settings.\(name)")
        }
        try checkTwice(orgs.map(\.name), "orgs")
        try checkTwice(servers.map(\.name), "cic")
        try checkTwice(mappings.map { "\($0.org)/\($0.queue)" }, "mappings")
    }

    private func checkTwice(_ names: [String], _ section: String) throws(SettingError) {
        var seen: Set<String> = []
        for (index, name) in names.enumerated() where !seen.insert(name).inserted {
            throw SettingError("\(section)[\(index)]", "is there a second time: \(name)")
        }
    }
}

extension SectionReader {
    /// A name that people give to orgs and servers: it is part of keys, messages and addresses of commands.
    fileprivate mutating func name() throws(SettingError) -> String {
        let name = try required("name")
        let isValid =
            name.utf8.count <= 63 && !name.hasPrefix("-")
            && name.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || $0 == UInt8(ascii: "-")
            }
        guard isValid else {
            throw SettingError(at("name"), "may have lower-case letters, digits and hyphens, at most 63")
        }
        return name
    }

    fileprivate mutating func url(_ name: String) throws(SettingError) -> String {
        var url = try required(name)
        guard url.hasPrefix("https://") || url.hasPrefix("http://"), !url.contains("@"), !url.contains("?") else {
            throw SettingError(at(name), "has to be an https:// address without user, password or query")
        }
        while url.hasSuffix("/") { url.removeLast() }
        return url
    }
}

extension OrgSetup {
    public init(_ node: SettingNode, _ path: String) throws(SettingError) {
        var reader = try SectionReader(
            node, path,
            known: [
                "name", "organization_id", "login_url", "flow", "api_version", "mode", "route_changes_since",
                "contact_on_user_owned", "version_epoch", "sweep_every", "source",
            ])
        let name = try reader.name()
        let idText = try reader.required("organization_id")
        let id: RecordID
        do throws(InvalidRecordID) {
            id = try RecordID(idText)
        } catch {
            throw SettingError(reader.at("organization_id"), "\(error)")
        }
        self.init(name: name, organizationID: id, loginURL: try reader.url("login_url"))
        flow = try reader.choice("flow") ?? flow
        apiVersion = try reader.text("api_version") ?? apiVersion
        guard let number = Double(apiVersion), number >= 41, number < 1_000, apiVersion.hasSuffix(".0") else {
            throw SettingError(reader.at("api_version"), "has to be NN.0, 41.0 or later")
        }
        mode = try reader.choice("mode") ?? mode
        if let text = try reader.text("route_changes_since") {
            guard let since = Timestamp(text) ?? Timestamp(text + "T00:00:00Z") else {
                throw SettingError(
                    reader.at("route_changes_since"), "has to be a day or a time such as 2026-11-21T09:00:00Z")
            }
            routesChangesSince = since
        }
        contactOnUserOwned = try reader.choice("contact_on_user_owned") ?? contactOnUserOwned
        versionEpoch = try reader.whole("version_epoch", 1...10_000) ?? versionEpoch
        sweepEvery = try reader.duration("sweep_every") ?? sweepEvery
        guard sweepEvery >= .seconds(10) && sweepEvery <= .seconds(3_600) else {
            throw SettingError(reader.at("sweep_every"), "has to be between 10s and 1h")
        }
        source = try reader.dictionary("source") ?? source
    }
}

extension CICServerSetup {
    public init(_ node: SettingNode, _ path: String) throws(SettingError) {
        var reader = try SectionReader(
            node, path,
            known: [
                "name", "hosts", "holding", "tls", "creation", "messaging", "recovery_wait", "attributes",
                "visible_name",
            ])
        let name = try reader.name()
        guard let hosts = try reader.texts("hosts"), !hosts.isEmpty else {
            throw SettingError(reader.at("hosts"), "is missing")
        }
        for host in hosts {
            guard let colon = host.lastIndex(of: ":"), UInt16(host[host.index(after: colon)...]) != nil,
                colon > host.startIndex, !host.contains("/")
            else { throw SettingError(reader.at("hosts"), "has to be a list of HOST:PORT") }
        }
        self.init(name: name, hosts: hosts, holding: try reader.required("holding"))
        guard UserQueue(place: holding) == nil else {
            throw SettingError(
                reader.at("holding"),
                "has to be a workgroup; what begins with \(UserQueue.prefix) is a user's own queue")
        }
        tls = try reader.flag("tls") ?? tls
        creation = try reader.choice("creation") ?? creation
        messaging = try reader.choice("messaging") ?? messaging
        recoveryWait = try reader.duration("recovery_wait") ?? recoveryWait
        attributes = try reader.dictionary("attributes") ?? attributes
        visibleName = try reader.text("visible_name") ?? visibleName
    }
}

extension MappingSetup {
    public init(_ node: SettingNode, _ path: String) throws(SettingError) {
        var reader = try SectionReader(
            node, path,
            known: [
                "org", "queue", "cic", "workgroup", "skills", "take_skills", "on_reply", "on_unmonitored_queue",
                "on_user_owner", "enabled",
            ])
        self.init(
            org: try reader.required("org"), queue: try reader.required("queue"), cic: try reader.required("cic"),
            workgroup: try reader.required("workgroup"))
        skills = try reader.texts("skills") ?? skills
        do throws(RoutingFailure) {
            _ = try RequiredSkills(field: skills.joined(separator: ";"))
        } catch {
            throw SettingError(
                reader.at("skills"), "is longer than \(RequiredSkills.maximumLength) characters, or holds '|'")
        }
        takesSkills = try reader.flag("take_skills") ?? takesSkills
        onReply = try reader.choice("on_reply") ?? onReply
        onUnmonitoredQueue = try reader.choice("on_unmonitored_queue") ?? onUnmonitoredQueue
        onUserOwner = try reader.choice("on_user_owner") ?? onUserOwner
        isEnabled = try reader.flag("enabled") ?? isEnabled
    }
}

extension AliasSetup {
    init(_ node: SettingNode, _ path: String) throws(SettingError) {
        var reader = try SectionReader(
            node, path, known: ["cic", "kind", "name", "means"])
        let cic = try reader.required("cic")
        let kind: Kind = try reader.choice("kind") ?? .skill
        self.init(cic: cic, kind: kind, name: try reader.required("name"), means: try reader.required("means"))
    }
}
