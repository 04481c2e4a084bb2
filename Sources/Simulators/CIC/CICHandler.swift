/// The handler that `docs/cic-handler.md` describes, which see for every rule here.
extension CICState {
    static let handlerObject = "caserouter"

    /// `POST …/system/handler-notification`: accepted, whatever becomes of it.
    func notifyHandler(_ request: CICRequest) throws(CICError) -> CICAnswer {
        let object = try request.requiredString("objectId")
        let event = try request.requiredString("eventId")
        guard let data = try request.required("data").strings else { throw CICError.invalid("data") }
        let settings = configuration.handler
        if settings.published, object.lowercased() == Self.handlerObject, data.count >= 2 {
            if settings.ignoreNext > 0, handlerFaultConcerns(event) {
                configuration.handler.ignoreNext -= 1
            } else {
                let epoch = epoch
                after(settings.delay) { state in
                    if state.epoch == epoch { state.runHandler(event.lowercased(), data) }
                }
            }
        }
        return CICAnswer(202)
    }

    private func handlerFaultConcerns(_ event: String) -> Bool {
        let only = configuration.handler.only
        return only.isEmpty || only.lowercased() == event.lowercased()
    }

    private struct Refusal: Error {
        let code: String
        let text: String
    }

    private func runHandler(_ event: String, _ data: [String]) {
        let attempt = data.count > 2 ? data[2] : ""
        let operations = ["create": "Create", "assign": "Assign", "disconnect": "Disconnect", "ping": "Ping"]
        // An event that no handler names starts nothing.
        guard let operation = operations[event] else { return }
        let answer: [String]
        do throws(Refusal) {
            guard data[0] == "1" else {
                throw Refusal(code: "internal", text: "Contract version \(data[0]) is not spoken here.")
            }
            if configuration.handler.failNext > 0, handlerFaultConcerns(event) {
                configuration.handler.failNext -= 1
                throw Refusal(code: configuration.handler.failCode, text: "The simulator was told to refuse.")
            }
            switch operation {
            case "Create": answer = try handleCreate(data)
            case "Assign": answer = try handleAssign(data)
            case "Disconnect": answer = try handleDisconnect(data)
            default: answer = ["Pong", attempt, "1"]
            }
        } catch {
            let number = operation == "Assign" && data.count > 4 ? data[4] : ""
            answer = ["Failed", attempt, operation, error.code, error.text, number]
        }
        reply(data[1], answer, to: event)
    }

    private func reply(_ event: String, _ answer: [String], to request: String) {
        var copies = 1
        if handlerFaultConcerns(request) {
            if configuration.handler.loseAnswers > 0 {
                configuration.handler.loseAnswers -= 1
                copies = 0
            } else if configuration.handler.duplicateAnswers > 0 {
                configuration.handler.duplicateAnswers -= 1
                copies = 2
            }
        }
        guard copies > 0 else { return }
        after(configuration.handler.answerDelay) { state in
            for _ in 0..<copies { state.sendNotification(object: "CaseRouter", event: event, data: answer) }
        }
    }

    /// *Send Custom Notification*: to every session that subscribed to the pair, else lost.
    func sendNotification(object: String, event: String, data: [String]) {
        let key = "\(object)/\(event)".lowercased()
        let all = "\(object)/*".lowercased()
        var bytes: [UInt8] = []
        for session in sessions.values where session.notifications.contains(key) || session.notifications.contains(all)
        {
            if bytes.isEmpty {
                bytes.add("{\"__type\":\"urn:inin.com:system:handlerSentNotificationMessage\",\"isDelta\":true,")
                bytes.add("\"objectId\":")
                bytes.add(string: object)
                bytes.add(",\"eventId\":")
                bytes.add(string: event)
                bytes.add(",\"data\":")
                bytes.add(strings: data)
                bytes.add("}")
            }
            session.post(bytes, in: self)
        }
    }

    // MARK: Requests

    private func handleCreate(_ data: [String]) throws(Refusal) -> [String] {
        guard data.count >= 4, data.count % 2 == 0 else {
            throw Refusal(code: "internal", text: "Create needs an attempt, a workgroup and pairs of attributes.")
        }
        let holding = data[3]
        guard workgroups[holding]?.usable == true else {
            throw Refusal(code: "unknown-workgroup", text: "There is no workgroup queue \(holding).")
        }
        let interaction = makeInteraction(.email)
        for index in stride(from: 4, to: data.count, by: 2) {
            let name = attributeNames[data[index]]
            if name >= CICAttributeNames.computed.count { interaction.set(name, data[index + 1]) }
        }
        interaction.set(attributeNames["CR_AttemptId"], data[2])
        if interaction.value(attributeNames["CR_Assign"]) == nil { interaction.set(attributeNames["CR_Assign"], "0") }
        interaction.workgroup = holding
        interaction.state = .offering
        record(interaction, "created", by: "handler")
        publish(interaction)
        enqueue(interaction)
        return ["Created", data[2], interaction.id]
    }

    /// The interaction that a request means, if it lives and is the attempt's.
    private func own(_ id: String, attempt: String) -> CICInteraction? {
        guard let interaction = interactions[id], interaction.lives,
            interaction.value(attributeNames["CR_AttemptId"]) == attempt
        else { return nil }
        return interaction
    }

    private func handleAssign(_ data: [String]) throws(Refusal) -> [String] {
        guard data.count >= 10, let number = Int(data[4]), ["0", "1"].contains(data[8]) else {
            throw Refusal(code: "internal", text: "Assign needs ten data, a number and a flag among them.")
        }
        let (attempt, id, workgroup, from) = (data[2], data[3], data[5], data[9])
        guard let interaction = own(id, attempt: attempt) else { return ["Gone", attempt, id] }
        let force = interaction.value(attributeNames["CR_Assign"]).flatMap { Int($0) } ?? 0
        guard number > force else { return ["Stale", attempt, id, String(force)] }
        guard from.isEmpty || interaction.placeName == from else {
            return ["Elsewhere", attempt, id, String(force), interaction.placeName]
        }
        let own =
            workgroup.hasPrefix(CICQueueName.ownPrefix)
            ? String(workgroup.dropFirst(CICQueueName.ownPrefix.count)) : nil
        if let own {
            guard isUser(own) else { throw Refusal(code: "unknown-user", text: "There is no user \(own).") }
        } else if workgroups[workgroup]?.usable != true {
            throw Refusal(code: "unknown-workgroup", text: "There is no workgroup queue \(workgroup).")
        }
        let wanted = data[6].split(separator: ";").map(String.init)
        if let unknown = wanted.first(where: { !skills.contains($0) }) {
            throw Refusal(code: "unknown-skill", text: "There is no skill \(unknown).")
        }
        let written = ["CR_Assign", "CR_Priority", "CR_Skills", "CR_UserQueue"].map { attributeNames[$0] }
        for (name, value) in zip(written, [data[4], data[7], data[6], own ?? ""]) { interaction.set(name, value) }
        interaction.skills = wanted
        if let own {
            assign(interaction, toOwnQueueOf: own, takesBack: data[8] == "1", written)
            return ["Assigned", attempt, id, data[4]]
        }
        let there = interaction.workgroup == workgroup
        if there, interaction.agent == nil || data[8] == "0" {
            record(interaction, "attributes", by: "handler")
            publish(interaction, changed: written)
            if interaction.agent == nil {
                // ACD is initiated again: the old place in the queue is void, the new skills count.
                interaction.place += 1
                enqueue(interaction)
            }
        } else {
            let agent = interaction.agent
            place(interaction, on: workgroup)
            record(interaction, "moved", by: "handler")
            publish(interaction, changed: written)
            enqueue(interaction)
            if let agent { seekWork(agent) }
        }
        return ["Assigned", attempt, id, data[4]]
    }

    /// It stays with a user who has taken it, from wherever, unless it is to be taken back.
    private func assign(
        _ interaction: CICInteraction, toOwnQueueOf user: String, takesBack: Bool, _ written: [Int]
    ) {
        guard interaction.agent == user, interaction.ringsInOwnQueue || !takesBack else {
            return lay(interaction, inQueueOf: user, by: "handler", changed: written)
        }
        interaction.workgroup = nil
        record(interaction, "attributes", by: "handler")
        publish(interaction, changed: written)
    }

    private func handleDisconnect(_ data: [String]) throws(Refusal) -> [String] {
        guard data.count >= 4 else { throw Refusal(code: "internal", text: "Disconnect needs an interaction.") }
        guard let interaction = own(data[3], attempt: data[2]) else { return ["Gone", data[2], data[3]] }
        takeEffect(on: interaction) { $0.end(interaction, by: "handler") }
        return ["Disconnected", data[2], data[3]]
    }
}
