import Hummingbird

/// What a user has chosen to be.
struct CICUserStatus {
    var status = "Available"
    var notes = ""
    var changed = CICState.compactTime()
}

extension CICState {
    private static let statusTexts = [
        (id: "Available", acd: true), (id: "Available, No ACD", acd: false), (id: "Away from desk", acd: false),
        (id: "Do Not disturb", acd: false), (id: "Follow Up", acd: false), (id: "Gone Home", acd: false),
        (id: "At Lunch", acd: false), (id: "In a meeting", acd: false), (id: "On Vacation", acd: false),
    ]

    private static var statusList: CICJSON {
        .array(
            statusTexts.map { text -> CICJSON in
                [
                    "statusId": .string(text.id), "messageText": .string(text.id), "iconUri": "", "groupTag": "",
                    "canHaveDate": false, "canHaveTime": false, "isDoNotDisturbStatus": .bool(text.id.hasPrefix("Do")),
                    "isSelectableStatus": true, "isPersistentStatus": false, "isForwardStatus": false,
                    "isAfterCallWorkStatus": .bool(text.id == "Follow Up"), "isAcdStatus": .bool(text.acd),
                    "isAllowFollowUpStatus": false, "systemId": "",
                ]
            })
    }

    /// `/icws/{session}/status/…`.
    func status(_ request: CICRequest, _ session: CICSession, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path.first ?? "", path.count) {
        case (.get, "status-messages", 1): return CICAnswer(200, ["statusMessageList": Self.statusList])
        case (.get, "status-messages-user-access", 2):
            return CICAnswer(
                200, ["userId": .string(try user(path[1])), "statusMessages": CICJSON(Self.statusTexts.map(\.id))])
        case (.get, "user-statuses", 2): return CICAnswer(200, userStatus(try user(path[1])))
        case (.put, "user-statuses", 2):
            let name = try user(path[1])
            let asked = try request.requiredString("statusId").lowercased()
            guard let text = Self.statusTexts.first(where: { $0.id.lowercased() == asked }) else {
                throw CICError.invalid("statusId")
            }
            statuses[name] = CICUserStatus(status: text.id, notes: try request.object()["notes"]?.string ?? "")
            setEnabled(name, text.acd)
            nextRequest += 1
            for watcher in sessions.values where watcher.watchedUsers.contains(name) { postStatuses(watcher, [name]) }
            let done: CICJSON = [
                "__type": "urn:inin.com:messaging:asyncOperationCompletedMessage", "isDelta": true,
                "requestId": .string(String(nextRequest)), "error": .null,
            ]
            session.post(done.bytes, in: self)
            return CICAnswer(202, ["requestId": .string(String(nextRequest))])
        default: throw CICError.notFound
        }
    }

    /// A user's name as it is configured; names are compared without regard to case.
    private func user(_ name: String) throws(CICError) -> String {
        guard let found = userNames.first(where: { $0.lowercased() == name.lowercased() }) else {
            throw CICError.notFound
        }
        return found
    }

    private func userStatus(_ name: String) -> CICJSON {
        let status = statuses[name] ?? CICUserStatus()
        let station = effectiveStation(of: name)["stationId"]?["id"]
        var members: [(key: String, value: CICJSON)] = [
            ("userId", .string(name)), ("statusId", .string(status.status)),
            ("statusChanged", .string(status.changed)), ("icServers", CICJSON([serverName])),
            ("stations", .array(station.map { [$0] } ?? [])),
            ("loggedIn", .bool(agents[name] != nil || sessions.values.contains { $0.user == name })),
            ("onPhone", .bool(agents[name]?.current.isEmpty == false)), ("onPhoneChanged", .string(status.changed)),
        ]
        // What is not set is not sent: published clients parse `until` as a time when it is there.
        if !status.notes.isEmpty { members.append(("notes", .string(status.notes))) }
        return .object(members)
    }

    private func postStatuses(_ session: CICSession, _ names: [String], isDelta: Bool = true) {
        let message: CICJSON = [
            "__type": "urn:inin.com:status:userStatusMessage", "isDelta": .bool(isDelta),
            "userStatusList": .array(names.map(userStatus)),
        ]
        session.post(message.bytes, in: self)
    }

    /// An agent is offered interactions or not.
    func setEnabled(_ name: String, _ enabled: Bool) {
        guard let agent = agents[name] else { return }
        agent.settings.enabled = enabled
        if enabled { seekWork(name) }
    }

    // MARK: Activations

    /// `/icws/{session}/activations/{workgroups|users}[/{id}]`: all members are active unless their agent is off.
    func activations(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        guard let kind = path.first, ["workgroups", "users"].contains(kind), path.count <= 2 else {
            throw CICError.notFound
        }
        if path.count == 2 {
            guard let set = activationSet(kind, path[1]) else { throw CICError.notFound }
            if request.method == .put {
                for (name, value) in try request.required("activations").members ?? [] {
                    setEnabled(kind == "workgroups" ? name : path[1], value.bool ?? true)
                }
                return CICAnswer(200, activationSet(kind, path[1]) ?? set)
            }
            return CICAnswer(200, set)
        }
        let list = kind == "workgroups" ? "workgroupActivationSetList" : "userActivationSetList"
        return CICAnswer(200, [list: .array((request.list("select") ?? []).compactMap { activationSet(kind, $0) })])
    }

    private func activationSet(_ kind: String, _ id: String) -> CICJSON? {
        let active: [(key: String, value: CICJSON)]
        if kind == "workgroups" {
            guard workgroups[id] != nil else { return nil }
            active = workgroupAgents[id, default: []].map { ($0.settings.name, .bool($0.settings.enabled)) }
            return ["workgroupId": .string(id), "activations": .object(active)]
        }
        // A user who is no agent is in no workgroup.
        guard let name = userNames.first(where: { $0.lowercased() == id.lowercased() }) else { return nil }
        let settings = agents[name]?.settings
        active = (settings?.workgroups ?? []).map { ($0, .bool(settings?.enabled == true)) }
        return ["userId": .string(name), "activations": .object(active)]
    }

    // MARK: Subscriptions

    /// `status/user-statuses`, `status/status-messages`, `session/sessions-users`, `activations/{kind}/{id}`.
    func subscribeStatus(
        _ request: CICRequest, _ session: CICSession, _ path: [String], put: Bool
    ) throws(CICError) -> CICAnswer {
        switch path.prefix(2).joined(separator: "/") {
        case "status/user-statuses":
            guard put else {
                session.watchedUsers = []
                return .done
            }
            guard let names = try request.required("userIds").strings, !names.isEmpty else {
                throw CICError.invalid("userIds")
            }
            session.watchedUsers = names.compactMap { name in
                userNames.first { $0.lowercased() == name.lowercased() }
            }
            postStatuses(session, session.watchedUsers, isDelta: false)
        case "status/status-messages":
            guard put else { return .done }
            let message: CICJSON = [
                "__type": "urn:inin.com:status:statusMessagesMessage", "isDelta": false,
                "statusMessagesAdded": Self.statusList,
            ]
            session.post(message.bytes, in: self)
        case "session/sessions-users":
            guard put else { return .done }
            let message: CICJSON = [
                "__type": "urn:inin.com:session:sessionsMessage", "isDelta": false,
                "sessionsAdded": .array(
                    sessions.values.map {
                        [
                            "applicationName": .string($0.application), "machineName": "", "reason": 0,
                            "stationId": Self.reference("stations", ""), "userId": Self.reference("users", $0.user),
                        ]
                    }),
            ]
            session.post(message.bytes, in: self)
        case "activations/workgroups", "activations/users":
            guard put else { return .done }
            let users = path[1] == "users"
            let id = try request.requiredString(users ? "userId" : "workgroupId")
            guard let set = activationSet(path[1], id) else { throw CICError.notFound }
            let message: CICJSON = [
                "__type": .string("urn:inin.com:activations:\(users ? "user" : "workgroup")ActivationMessage"),
                "isDelta": false, "subscriptionId": .string(path[2]), users ? "userId" : "workgroupId": .string(id),
                "activationsChanged": set["activations"] ?? [:],
            ]
            session.post(message.bytes, in: self)
        default: throw CICError.notFound
        }
        return .done
    }
}
