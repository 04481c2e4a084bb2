import Hummingbird

extension CICState {
    // MARK: Life

    /// A new interaction without a place; `finishCreation` gives it one line and its watchers.
    func makeInteraction(_ kind: CICMedia, id wanted: String? = nil) -> CICInteraction {
        let id: String
        if let wanted {
            freeIDs.removeAll { $0 == wanted }
            id = wanted
        } else if configuration.idSpace > 0, nextID - 1_001_000_000 >= configuration.idSpace,
            let free = freeIDs.popLast()
        {
            id = free
        } else {
            nextID += 1
            while interactions[String(nextID)] != nil { nextID += 1 }
            id = String(nextID)
        }
        nextSerial += 1
        let interaction = CICInteraction(serial: nextSerial, id: id, kind: kind)
        interactions[id] = interaction
        return interaction
    }

    /// Takes an interaction away from whoever has it and puts it on a workgroup's queue, without telling anybody.
    func place(_ interaction: CICInteraction, on workgroup: String, state: CICInteractionState = .offering) {
        release(interaction)
        interaction.place += 1
        interaction.workgroup = workgroup
        interaction.agent = nil
        interaction.state = state
    }

    /// Moves an interaction to a workgroup's queue and starts ACD there.
    func move(_ interaction: CICInteraction, to workgroup: String, by: String, event: String = "moved") {
        let agent = interaction.agent
        place(interaction, on: workgroup)
        record(interaction, event, by: by)
        publish(interaction)
        enqueue(interaction)
        if let agent { seekWork(agent) }
    }

    /// Puts an interaction into a user's own queue: it rings there until the user takes it.
    func lay(
        _ interaction: CICInteraction, inQueueOf user: String, by: String, event: String = "moved",
        changed stored: [Int] = []
    ) {
        let before = interaction.agent
        release(interaction)
        interaction.place += 1
        interaction.workgroup = nil
        interaction.agent = user
        interaction.state = .alerting
        record(interaction, event, by: by)
        publish(interaction, changed: stored)
        if let before, before != user { seekWork(before) }
        seekWork(user)
    }

    /// Ends an interaction; it lingers with its last state and is then deallocated.
    func end(_ interaction: CICInteraction, state: CICInteractionState = .internalDisconnect, by: String) {
        guard interaction.lives else { return }
        release(interaction)
        interaction.place += 1
        interaction.state = state
        record(interaction, "disconnected", by: by)
        publish(interaction)
        if let agent = interaction.agent { seekWork(agent) }
        after(configuration.lingering) { $0.vanish(interaction, event: "deallocated", by: "system") }
    }

    /// The interaction is no more, announced (`deallocated`) or not (`lost`).
    func vanish(_ interaction: CICInteraction, event: String, by: String) {
        guard !interaction.deallocated else { return }
        release(interaction)
        interaction.place += 1
        interaction.deallocated = true
        interactions[interaction.id] = nil
        if configuration.idSpace > 0 { freeIDs.append(interaction.id) }
        record(interaction, event, by: by)
        publish(interaction)
        for watch in interaction.watches {
            watch.session.interactionWatches[interaction.id] = nil
            var bytes: [UInt8] = []
            bytes.add("{\"__type\":\"urn:inin.com:interactions:interactionDeallocatedMessage\",\"isDelta\":true,")
            bytes.add("\"interactionID\":")
            bytes.add(string: interaction.id)
            bytes.add("}")
            watch.session.post(bytes, in: self)
        }
        interaction.watches = []
        if let agent = interaction.agent { seekWork(agent) }
    }

    // MARK: Requests

    func readable(_ id: String) throws(CICError) -> CICInteraction {
        guard let interaction = interactions[id] else { throw CICError.noInteraction }
        if let workgroup = interaction.workgroup, configuration.unreadableWorkgroups.contains(workgroup) {
            throw CICError(403, "error.request.interactions.accessDenied", "No right on this interaction.")
        }
        return interaction
    }

    /// `/icws/{session}/interactions…`.
    func interaction(_ request: CICRequest, _ session: CICSession, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path.count) {
        case (.post, 0): return try create(request, session)
        case (.get, 1): return try read(request, try readable(path[0]))
        case (.post, 1): return try write(request, try readable(path[0]))
        case (.post, 2): return try act(request, session, try readable(path[0]), path[1])
        case (.post, 3) where path[1] == "email": return try act(request, session, try readable(path[0]), path[1])
        default: throw CICError.notFound
        }
    }

    private func read(_ request: CICRequest, _ interaction: CICInteraction) throws(CICError) -> CICAnswer {
        let columns = CICColumns(request.list("select") ?? ["Eic_CallId"], &attributeNames, keys: attributeKeys)
        var bytes = Array("{\"attributes\":".utf8)
        bytes.append(contentsOf: columns.encoded(interaction) ?? Array("{}".utf8))
        bytes.add("}")
        return CICAnswer(200, bytes: bytes)
    }

    private func write(_ request: CICRequest, _ interaction: CICInteraction) throws(CICError) -> CICAnswer {
        let values = try attributes(try request.required("attributes"), property: "attributes")
        let mode = try request.object()["appendMode"]?.int ?? 0
        guard (0...2).contains(mode) else { throw CICError.invalid("appendMode") }
        for (name, value) in values {
            let old = interaction.value(name) ?? ""
            // How the server separates appended values is not documented; a semicolon is what its lists use.
            let separator = mode == 2 && !old.isEmpty ? ";" : ""
            interaction.set(name, mode == 0 ? value : old + separator + value)
        }
        record(interaction, "attributes", by: "api")
        publish(interaction, changed: values.map(\.name))
        return .done
    }

    /// Names and values of a dictionary of attributes, without those that CIC keeps for itself.
    private func attributes(_ json: CICJSON, property: String) throws(CICError) -> [(name: Int, value: String)] {
        guard let members = json.members else { throw CICError.invalid(property) }
        var values: [(name: Int, value: String)] = []
        for member in members {
            let number = attributeNames[member.key]
            guard let value = member.value.string, number >= CICAttributeNames.computed.count else {
                throw CICError.invalid(property)
            }
            values.append((number, value))
        }
        return values
    }

    private func act(
        _ request: CICRequest, _ session: CICSession, _ interaction: CICInteraction, _ action: String
    ) throws(CICError) -> CICAnswer {
        switch action {
        case "disconnect":
            takeEffect(on: interaction) { $0.end(interaction, by: "api") }
        case "blind-transfer":
            let target = try transferTarget(request, session)
            takeEffect(on: interaction) { state in
                guard interaction.lives else { return }
                switch target {
                case .workgroup(let name): state.move(interaction, to: name, by: "api")
                case .user(let name): state.lay(interaction, inQueueOf: name, by: "api")
                }
            }
        case "pickup":
            guard interaction.lives else { throw CICError.noInteraction }
            if interaction.agent != session.user { take(interaction, user: session.user) }
            pickUp(interaction, by: "api")
        case "hold":
            guard let on = try request.required("on").bool else { throw CICError.invalid("on") }
            guard interaction.lives else { throw CICError.noInteraction }
            interaction.state = on ? .held : .connected
            record(interaction, on ? "attributes" : "connected", by: "api")
            publish(interaction)
        case "park", "send-to-voicemail", "transfer-to-voicemail":
            guard interaction.lives else { throw CICError.noInteraction }
            interaction.state = action == "park" ? .parked : .messaging
            record(interaction, "attributes", by: "api")
            publish(interaction)
        case "email": if request.segments.last == "send" { end(interaction, by: "api") }
        case _ where Self.inert.contains(action): break
        default: throw CICError.notFound
        }
        return .done
    }

    /// Actions that are accepted and change nothing a router could see.
    private static let inert: Set<String> = [
        "mute", "pause", "make-private", "listen", "coach", "record", "record-snippet", "join", "send-digits",
        "play-wav", "secure-pause", "invite-party", "wrap-up-assignments",
    ]

    enum Target {
        case workgroup(String)
        case user(String)
    }

    /// Exactly one of `queueID` and `target`.
    private func transferTarget(_ request: CICRequest, _ session: CICSession) throws(CICError) -> Target {
        let body = try request.object()
        let queue = body["queueID"].flatMap { $0 == .null ? nil : $0 }
        switch (queue, body["target"]?.string) {
        case (let queue?, nil): return try place(queue, property: "queueID", session)
        case (nil, let target?):
            let name = target.split(separator: ":", maxSplits: 1).last.map { $0.trimmingBlanks() } ?? ""
            let scoped = target.contains(":")
            if workgroups[name]?.usable == true, !scoped || target.hasPrefix("Workgroup Queue") {
                return .workgroup(name)
            }
            if isUser(name), !scoped || target.hasPrefix("User Queue") { return .user(name) }
            throw CICError.invalid("target")
        case (nil, nil): throw CICError.missing("queueID")
        default: throw CICError.invalid("target")
        }
    }

    func isUser(_ name: String) -> Bool {
        agents[name] != nil || agentsElsewhere.contains(name) || configuration.users.contains { $0.name == name }
    }

    private func place(_ json: CICJSON, property: String, _ session: CICSession) throws(CICError) -> Target {
        guard let type = json["queueType"]?.int else { throw CICError.invalid(property) }
        let name = json["queueName"]?.string ?? ""
        switch type {
        case 0: return .user(session.user)
        case CICQueueName.user where isUser(name): return .user(name)
        case CICQueueName.workgroup where workgroups[name]?.usable == true: return .workgroup(name)
        default:
            throw CICError(400, "error.request.interactions.invalidQueue", "There is no queue \(name) of this type.")
        }
    }

    // MARK: Creation

    private func create(_ request: CICRequest, _ session: CICSession) throws(CICError) -> CICAnswer {
        let type = try request.requiredString("__type").lowercased()
        let body = try request.object()
        let extra =
            try body["additionalAttributes"].map { value throws(CICError) in
                value == .null ? [] : try attributes(value, property: "additionalAttributes")
            } ?? []
        let created: (interaction: CICInteraction, target: Target, state: CICInteractionState)
        switch type {
        case "urn:inin.com:interactions:creategenericinteractionparameters":
            let target = try place(try request.required("queueId"), property: "queueId", session)
            guard let state = CICInteractionState(interface: body["initialState"]?.int ?? 0) else {
                throw CICError.invalid("initialState")
            }
            created = (makeInteraction(.generic), target, state)
            created.interaction.set(attributeNames["Eic_RemoteName"], body["remoteName"]?.string ?? "")
            created.interaction.set(attributeNames["Eic_RemoteId"], body["remoteId"]?.string ?? "")
        case "urn:inin.com:interactions.callback:createcallbackparameters":
            let number = try request.requiredString("target")
            let subject = try request.requiredString("subject")
            let target = try place(try request.required("targetQueue"), property: "targetQueue", session)
            created = (makeInteraction(.callback), target, .offering)
            created.interaction.set(attributeNames["Eic_RemoteId"], number)
            created.interaction.set(attributeNames["Eic_RemoteName"], body["name"]?.string ?? subject)
        case "urn:inin.com:interactions:createcallparameters", "urn:inin.com:interactions.chat:createchatparameters":
            let number = try request.requiredString("target")
            created = (makeInteraction(type.contains("chat") ? .chat : .call), .user(session.user), .proceeding)
            created.interaction.set(attributeNames["Eic_RemoteId"], number)
            created.interaction.set(attributeNames["Eic_RemoteName"], number)
        case "urn:inin.com:interactions.email:createemailparameters":
            guard let sender = try request.required("emailContent")["sender"]?["displayName"]?.string else {
                throw CICError.missing("sender")
            }
            created = (makeInteraction(.email), .user(session.user), .connected)
            created.interaction.set(attributeNames["Eic_RemoteName"], sender)
        default: throw CICError.invalid("__type")
        }
        finishCreation(created.interaction, created.target, created.state, extra)
        return CICAnswer(201, ["interactionId": .string(created.interaction.id)])
    }

    private func finishCreation(
        _ interaction: CICInteraction, _ target: Target, _ state: CICInteractionState,
        _ extra: [(name: Int, value: String)]
    ) {
        if configuration.createAttributes == "honoured" {
            for (name, value) in extra { interaction.set(name, value) }
        }
        switch target {
        case .workgroup(let name): interaction.workgroup = name
        case .user(let name): interaction.agent = name
        }
        interaction.state = state
        record(interaction, "created", by: "api")
        publish(interaction)
        if interaction.workgroup != nil {
            enqueue(interaction)
        } else if let agent = interaction.agent {
            seekWork(agent)
        }
        guard configuration.createAttributes == "late", !extra.isEmpty else { return }
        after(configuration.createAttributesDelay) { state in
            guard !interaction.deallocated else { return }
            for (name, value) in extra { interaction.set(name, value) }
            state.record(interaction, "attributes", by: "system")
            state.publish(interaction, changed: extra.map(\.name))
        }
    }
}
