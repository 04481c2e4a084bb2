import Foundation
import Hummingbird

/// Control of single interactions, agents, workgroups and skills.
extension CICState {
    /// `/control/interactions…`. A path without an id acts on the oldest live interaction that the body describes.
    func controlInteractions(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path.count) {
        case (.get, 0):
            let found = matching { request.query($0) }
            return CICAnswer(200, ["count": CICJSON(found.count), "interactions": .array(found.map(describe))])
        case (.get, 1):
            guard let interaction = interactions[path[0]] else { throw CICError.noInteraction }
            return CICAnswer(200, describe(interaction))
        case (.post, 0): return try createForeign(request)
        case (.post, 1):
            guard let interaction = matching({ request.body?[$0]?.string }).first else { throw CICError.noInteraction }
            return try steer(request, interaction, path[0])
        case (.post, 2):
            guard let interaction = interactions[path[0]] else { throw CICError.noInteraction }
            return try steer(request, interaction, path[1])
        default: throw CICError.notFound
        }
    }

    private func describe(_ interaction: CICInteraction) -> CICJSON {
        [
            "interaction": .string(interaction.id), "media": .string(interaction.kind.rawValue),
            "state": .string(interaction.state.rawValue), "workgroup": .string(interaction.workgroup ?? ""),
            "agent": interaction.agent.map { .string($0) } ?? .null, "skills": CICJSON(interaction.skills),
            "attributes": .object(
                interaction.attributes.map { (attributeNames.spellings[$0.name], .string($0.value)) }),
        ]
    }

    /// Live interactions by `state`, `workgroup`, `agent`, `case` (`CR_CaseId`) and whether they have a case, oldest first.
    private func matching(_ value: (String) -> String?) -> [CICInteraction] {
        let caseName = attributeNames["CR_CaseId"]
        let ours = value("ours").map { $0 == "1" }
        return interactions.values.filter { interaction in
            let hasCase = interaction.value(caseName) != nil
            return interaction.lives
                && (value("state").map { $0 == interaction.state.rawValue } ?? true)
                && (value("workgroup").map { $0 == interaction.workgroup } ?? true)
                && (value("agent").map { $0 == interaction.agent } ?? true)
                && (value("case").map { $0 == interaction.value(caseName) } ?? true)
                && (ours.map { $0 ? hasCase : !hasCase || interaction.isForeign } ?? true)
        }.sorted { $0.serial < $1.serial }
    }

    private func steer(
        _ request: CICRequest, _ interaction: CICInteraction, _ action: String
    ) throws(CICError) -> CICAnswer {
        switch action {
        case "delete": vanish(interaction, event: "lost", by: "control")
        case "copy":
            let copy = makeInteraction(interaction.kind)
            copy.copyAttributes(of: interaction)
            copy.skills = interaction.skills
            if let workgroup = interaction.workgroup {
                copy.workgroup = workgroup
                copy.state = .offering
            } else {
                copy.agent = interaction.agent
                copy.state = interaction.state
            }
            record(copy, "copied", by: "control")
            publish(copy)
            enqueue(copy)
            return CICAnswer(200, describe(copy))
        case "offer":
            let name = try request.requiredString("agent")
            hand(interaction, to: name, by: "control")
        case "pickup":
            if let name = request.body?["agent"]?.string, name != interaction.agent { take(interaction, user: name) }
            guard interaction.agent != nil else { throw CICError.missing("agent") }
            pickUp(interaction, by: "agent")
        case "end":
            let external = request.body?["external"]?.bool == true
            end(interaction, state: external ? .externalDisconnect : .internalDisconnect, by: "agent")
        case "giveback": giveBack(interaction)
        case "move":
            let name = try request.requiredString("to")
            guard workgroups[name]?.usable == true else { throw CICError.invalid("to") }
            move(interaction, to: name, by: "agent")
        case "attributes":
            let values = (try request.required("attributes").members ?? []).map {
                (attributeNames[$0.key], $0.value.string ?? "")
            }
            for (name, value) in values { interaction.set(name, value) }
            record(interaction, "attributes", by: "control")
            publish(interaction, changed: values.map(\.0))
        default: throw CICError.notFound
        }
        return CICAnswer(200, describe(interaction))
    }

    /// `{count, workgroup, media, id, state, attributes}`: interactions that are not ours, calls on given ids included.
    private func createForeign(_ request: CICRequest) throws(CICError) -> CICAnswer {
        let body = try request.object()
        let workgroup = try request.requiredString("workgroup")
        guard workgroups[workgroup]?.usable == true else { throw CICError.invalid("workgroup") }
        guard let media = CICMedia(rawValue: body["media"]?.string ?? "email") else { throw CICError.invalid("media") }
        guard let state = CICInteractionState(rawValue: body["state"]?.string ?? "O") else {
            throw CICError.invalid("state")
        }
        let id = body["id"]?.string
        if let id, interactions[id] != nil { throw CICError(409, "error.simulator.idInUse", "\(id) is in use.") }
        let count = id == nil ? body["count"]?.int ?? 1 : 1
        var ids: [String] = []
        for _ in 0..<max(count, 0) {
            let interaction = makeInteraction(media, id: id)
            interaction.isForeign = true
            interaction.set(attributeNames["Eic_RemoteName"], "Foreign \(interaction.serial)")
            for (name, value) in body["attributes"]?.members ?? [] {
                interaction.set(attributeNames[name], value.string ?? "")
            }
            interaction.workgroup = workgroup
            interaction.state = state
            record(interaction, "created", by: "control")
            publish(interaction)
            enqueue(interaction)
            if ids.count < 100 { ids.append(interaction.id) }
        }
        return CICAnswer(200, ["created": CICJSON(max(count, 0)), "interactions": CICJSON(ids)])
    }

    // MARK: Who and what exists

    func controlDirectory(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        switch (request.method, path[0], path.count) {
        case (.post, "skills", 1):
            let name = try request.requiredString("name")
            announceConfiguration("skills", skills.insert(name).inserted ? "added" : "changed", name)
        case (.delete, "skills", 2):
            guard skills.contains(path[1]) else { throw CICError.notFound }
            skills.remove(path[1])
            announceConfiguration("skills", "removed", path[1])
        case (.post, "workgroups", 1):
            let workgroup = try decode(CICWorkgroup.self, request)
            let change = workgroups.updateValue(workgroup, forKey: workgroup.name) == nil ? "added" : "changed"
            announceConfiguration("workgroups", change, workgroup.name)
        case (.delete, "workgroups", 2):
            guard workgroups.removeValue(forKey: path[1]) != nil else { throw CICError.notFound }
            announceConfiguration("workgroups", "removed", path[1])
        case (.post, "agents", 1):
            let settings = try decode(CICAgentConfiguration.self, request)
            removeAgent(settings.name)
            addAgent(settings)
            announceConfiguration("users", "added", settings.name)
            seekWork(settings.name)
        case (.delete, "agents", 2):
            guard removeAgent(path[1]) else { throw CICError.notFound }
            announceConfiguration("users", "removed", path[1])
        case (.post, "agents", 2) where ["on", "off"].contains(path[1]):
            for name in agents.keys.sorted() { setEnabled(name, path[1] == "on") }
        case (.post, "agents", 3) where ["on", "off"].contains(path[2]):
            guard agents[path[1]] != nil else { throw CICError.notFound }
            setEnabled(path[1], path[2] == "on")
        default: throw CICError.notFound
        }
        return .done
    }

    /// What the agent has stays where it is until somebody moves it.
    @discardableResult
    func removeAgent(_ name: String) -> Bool {
        guard let agent = agents.removeValue(forKey: name) else { return false }
        for workgroup in agent.settings.workgroups {
            workgroupAgents[workgroup]?.removeAll { $0 === agent }
        }
        return true
    }

    private func decode<Value: Decodable>(_ type: Value.Type, _ request: CICRequest) throws(CICError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(try request.object().bytes))
        } catch let error as CICError {
            throw error
        } catch {
            throw CICError(400, "error.simulator.body", "\(error)")
        }
    }
}
