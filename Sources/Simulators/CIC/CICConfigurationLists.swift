import Hummingbird

/// A subscription to one of the configuration lists.
struct CICConfigurationSubscription {
    let kind: String
    let ids: [String]
    let properties: [String]

    func concerns(_ id: String) -> Bool { ids.contains("*") || ids.contains(id) }
}

extension CICState {
    /// Most items of an answer that shows any property besides the id.
    static let listLimit = 200

    /// `/icws/{session}/configuration/{kind}[/{id}]`.
    func configurationList(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        if request.method == .post, path == ["mail", "send-email"] { return CICAnswer(204) }
        guard request.method == .get else { return try writeConfiguration(request, path) }
        if path.count == 2, path[0] == "defaults" { return CICAnswer(200, try defaults(path[1])) }
        guard let kind = path.first, path.count <= 2, let items = configurationItems(kind) else {
            throw CICError.notFound
        }
        let select = request.list("select")
        if path.count == 2 {
            guard let item = items.first(where: { Self.id($0).lowercased() == path[1].lowercased() }) else {
                throw CICError.notFound
            }
            return CICAnswer(200, Self.selected(item, select))
        }
        var found: [CICJSON] = []
        let conditions = try Self.conditions(request.query("where") ?? "")
        for item in items where conditions.allSatisfy({ $0.holds(item) }) { found.append(item) }
        try Self.order(&found, by: request.query("orderBy"))
        let total = found.count
        let cap = select == nil ? total : Self.listLimit
        var range = 0..<min(total, cap)
        if let header = request.headers[.range] {
            guard let asked = Self.range(header) else { throw CICError.invalid("Range") }
            let first = min(asked.lowerBound, total)
            range = first..<min(asked.upperBound, total, first + cap)
        }
        var answer = CICAnswer(200, ["items": .array(found[range].map { Self.selected($0, select) })])
        let text = range.isEmpty ? "*" : "\(range.lowerBound)-\(range.upperBound - 1)"
        answer.headers.append(("Content-Range", "items \(text)/\(total)"))
        return answer
    }

    private static func range(_ header: String) -> Range<Int>? {
        guard header.hasPrefix("items=") else { return nil }
        let ends = header.dropFirst(6).split(separator: "-").map { Int($0.trimmingBlanks()) }
        guard ends.count == 2, let first = ends[0], let last = ends[1], first >= 0, last >= first else { return nil }
        return first..<last + 1
    }

    // MARK: Items

    static func reference(_ kind: String, _ id: String) -> CICJSON {
        let encoded = id.replacing("%", with: "%25").replacing(" ", with: "%20").replacing("/", with: "%2F")
        return [
            "id": .string(id), "displayName": .string(id), "uri": .string("/configuration/\(kind)/\(encoded)"),
        ]
    }

    private static func id(_ item: CICJSON) -> String { item["configurationId"]?["id"]?.string ?? "" }

    /// `…/configuration/defaults/{kind, in the singular}`: an item as it would be without any settings.
    private func defaults(_ name: String) throws(CICError) -> CICJSON {
        switch name {
        case "workgroup": return item(CICWorkgroup(name: ""))
        case "user": return userItem("")
        case "role": return roleItem("")
        case "skill", "station": return ["configurationId": Self.reference("\(name)s", "")]
        default: throw CICError.notFound
        }
    }

    private func configurationItems(_ kind: String) -> [CICJSON]? {
        knownItems(kind)?.map { item in
            guard let written = directory.written["\(kind)/\(Self.id(item))"], let members = item.members else {
                return item
            }
            let kept = members.filter { written[$0.key] == nil }
            return .object(kept + written.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value) })
        }
    }

    private func knownItems(_ kind: String) -> [CICJSON]? {
        switch kind {
        case "workgroups": return workgroups.values.map(item)
        case "skills": return skills.map { ["configurationId": Self.reference(kind, $0), "userAssignments": []] }
        case "users": return userNames.map(userItem)
        case "server-parameters":
            let recovers = configuration.recovery.emails == "none" ? "0" : "1"
            let name = "Mail Interaction Recovery Enabled"
            return [["configurationId": Self.reference(kind, name), "value": .string(recovers)]]
        case "roles": return directory.items[kind]?.map(roleItem)
        default: return directory.items[kind]?.map { ["configurationId": Self.reference(kind, $0)] }
        }
    }

    /// Everybody who can log in or be offered an interaction.
    var userNames: Set<String> { Set(configuration.users.map(\.name)).union(agents.keys) }

    private func item(_ workgroup: CICWorkgroup) -> CICJSON {
        let agents = workgroupAgents[workgroup.name, default: []].map(\.settings.name)
        return [
            "configurationId": Self.reference("workgroups", workgroup.name), "hasQueue": .bool(workgroup.hasQueue),
            "isActive": .bool(workgroup.isActive), "queueType": CICJSON(workgroup.queueType),
            "isAcdEmailRoutingActive": .bool(workgroup.isAcdEmailRoutingActive),
            "members": .array(Set(workgroup.members + agents).sorted().map { Self.reference("users", $0) }),
            "supervisors": [], "skills": [], "wrapUpCodes": [], "customAttributes": [], "extension": "",
            "isWrapUpActive": false, "isCallbackEnabled": false,
        ]
    }

    private func userItem(_ name: String) -> CICJSON {
        let settings = agents[name]?.settings
        let skills = (settings?.skills ?? []).map { skill -> CICJSON in
            ["id": Self.reference("skills", skill), "proficiency": 100, "desireToUse": 100]
        }
        let role = Self.reference("roles", settings == nil ? "Administrator" : "Agent")
        return [
            "configurationId": Self.reference("users", name), "extension": "",
            "statusText": .string(statuses[name]?.status ?? "Available"),
            "workgroups": .array((settings?.workgroups ?? []).map { Self.reference("workgroups", $0) }),
            "skills": ["actualValue": .array(skills), "effectiveValue": .array(skills)],
            "roles": ["actualValue": [role], "effectiveValue": [role]],
            "utilizations": [
                [
                    "mediaType": 3, "utilization": 100,
                    "maxAssignable": CICJSON(settings?.takesEmail == false ? 0 : settings?.capacity ?? 1),
                ]
            ],
            "licenseProperties": [
                "licenseActive": .bool(configuration.users.first { $0.name == name }?.licensed ?? true),
                "hasClientAccess": true, "mediaLevel": 3, "additionalLicenses": [],
            ],
        ]
    }

    private func roleItem(_ name: String) -> CICJSON {
        ["configurationId": Self.reference("roles", name), "workgroups": [], "users": []]
    }

    // MARK: Query

    private struct Condition {
        let path: [String]
        let comparison: String
        let value: String

        func holds(_ item: CICJSON) -> Bool {
            guard let found = CICState.value(item, path) else { return false }
            let text = CICState.text(found).lowercased()
            return switch comparison {
            case "eq": text == value
            case "sw": text.hasPrefix(value)
            default: text.contains(value)
            }
        }
    }

    private static func conditions(_ text: String) throws(CICError) -> [Condition] {
        var conditions: [Condition] = []
        for part in text.split(separator: ",") {
            let words = part.trimmingBlanks().split(separator: " ", maxSplits: 2).map(String.init)
            guard words.count == 3, ["eq", "sw", "ct"].contains(words[1].lowercased()) else {
                throw CICError.invalid("where")
            }
            let path = words[0].split(separator: ".").map(String.init)
            conditions.append(Condition(path: path, comparison: words[1].lowercased(), value: words[2].lowercased()))
        }
        return conditions
    }

    private static func order(_ items: inout [CICJSON], by text: String?) throws(CICError) {
        let words = (text ?? "configurationId.id").split(separator: " ").map(String.init)
        guard let property = words.first, words.count == 1 || (words.count == 2 && words[1].lowercased() == "desc")
        else { throw CICError.invalid("orderBy") }
        let path = property.split(separator: ".").map(String.init)
        var keyed = items.map { (key: value($0, path).map(self.text) ?? "", item: $0) }
        keyed.sort { $0.key < $1.key }
        if words.count == 2 { keyed.reverse() }
        items = keyed.map(\.item)
    }

    private static func value(_ item: CICJSON, _ path: [String]) -> CICJSON? {
        path.reduce(item as CICJSON?) { $0?[$1] }
    }

    private static func text(_ value: CICJSON) -> String {
        value.string ?? String(decoding: value.bytes, as: UTF8.self)
    }

    /// Only what was asked for; the id is always there.
    private static func selected(_ item: CICJSON, _ select: [String]?) -> CICJSON {
        guard let members = item.members else { return item }
        guard let select else { return .object(members.filter { $0.key == "configurationId" }) }
        if select.contains("*") { return item }
        var picked = members.filter { $0.key == "configurationId" }
        for name in select where name != "configurationId" {
            let path = name.split(separator: ".").map(String.init)
            guard let first = path.first, first != "configurationId", let value = value(item, path) else { continue }
            let nested = path.dropFirst().reversed().reduce(value) { .object([(key: $1, value: $0)]) }
            if let index = picked.firstIndex(where: { $0.key == first }), let old = picked[index].value.members {
                picked[index].value = .object(old + (nested.members ?? []))
            } else {
                picked.append((first, nested))
            }
        }
        return .object(picked)
    }

    // MARK: Watching

    func subscribeConfiguration(
        _ request: CICRequest, _ session: CICSession, kind: String, id: String, put: Bool
    ) throws(CICError) -> CICAnswer {
        guard ["workgroups", "skills", "users"].contains(kind) else { throw CICError.notFound }
        let key = "\(kind)/\(id)"
        guard put else {
            session.configurationSubscriptions[key] = nil
            return .done
        }
        guard let ids = try request.required("configurationIds").strings, !ids.isEmpty else {
            throw CICError.invalid("configurationIds")
        }
        guard let properties = try request.required("properties").strings, !properties.isEmpty,
            !(ids.contains("*") && properties.contains("*"))
        else { throw CICError.invalid("properties") }
        let subscription = CICConfigurationSubscription(kind: kind, ids: ids, properties: properties)
        session.configurationSubscriptions[key] = subscription
        let items = (configurationItems(kind) ?? []).filter { subscription.concerns(Self.id($0)) }
        post(session, id, kind, "added", items.map { Self.selected($0, properties) }, isDelta: false)
        return .done
    }

    /// Tells watchers that a workgroup, skill or user was added, changed or removed.
    func announceConfiguration(_ kind: String, _ change: String, _ name: String) {
        for session in sessions.values {
            for (key, subscription) in session.configurationSubscriptions
            where subscription.kind == kind && subscription.concerns(name) {
                let item = configurationItems(kind)?.first { Self.id($0) == name }
                let value = change == "removed" ? .string(name) : Self.selected(item ?? .null, subscription.properties)
                post(session, String(key.dropFirst(kind.count + 1)), kind, change, [value], isDelta: true)
            }
        }
    }

    private func post(
        _ session: CICSession, _ id: String, _ kind: String, _ change: String, _ values: [CICJSON], isDelta: Bool
    ) {
        // Every part is sent: a vendor's example takes the length of each without asking whether it is there.
        let parts = ["added", "changed", "removed"].map { part in
            (key: part, value: CICJSON.array(part == change ? values : []))
        }
        let head: [(key: String, value: CICJSON)] = [
            ("__type", .string("urn:inin.com:configuration.people:\(kind)Message")), ("isDelta", .bool(isDelta)),
            ("subscriptionId", .string(id)),
        ]
        session.post(CICJSON.object(head + parts).bytes, in: self)
    }
}
