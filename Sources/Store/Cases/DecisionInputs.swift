import CaseRouting
import JSON

/// What a decision had read, stored with its request: enough to understand it later and to decide again, and no text of a
/// customer's.
enum DecisionInputs {
    static func json(_ change: CaseChange, _ before: CaseState, becomes wanted: Wanted?) -> String {
        let bytes = JSONWriter.object { json in
            json.write("version", Int(change.version))
            json.write("owner", change.owner.description)
            json.write("previous_owner", ifPresent: change.previousOwner?.description)
            json.write("closed", change.isClosed)
            json.write("skills", change.skills)
            json.write("compared_with", ifPresent: change.comparedWith.map(Int.init))
            json.write("compared_version", ifPresent: change.comparedVersion.map(Int.init))
            if wanted != before.wanted {
                if let wanted { write(wanted, as: "becomes", to: &json) } else { json.writeNull("becomes") }
            }
            guard before.isKnown else { return }
            json.object("case") { json in write(before, to: &json) }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func write(_ state: CaseState, to json: inout JSONObjectWriter) {
        json.write("revision", Int(state.revision))
        json.write("due", state.isDue)
        json.array("fences") { fences in
            fences.write(Int(state.fences.epoch))
            fences.write(Int(state.fences.state))
            fences.write(Int(state.fences.arrival))
            fences.write(Int(state.fences.contact))
            fences.write(Int(state.fences.reply))
        }
        json.write("owner", ifPresent: state.facts?.owner.description)
        json.write("closed", state.facts?.isClosed ?? false)
        json.write("skills", ifPresent: state.facts?.skills)
        json.write("observed_at", ifPresent: state.observedAt.map { Int($0.microseconds) })
        if state.sparesAgent { json.write("spares_agent", true) }
        if let wanted = state.wanted { write(wanted, as: "wanted", to: &json) }
        // Where it was wanted last is most often where it is wanted.
        if let last = state.lastWanted,
            state.wanted.map({ !$0.isSamePlace(as: last) || $0.mapping != last.mapping }) ?? true
        {
            write(last, as: "last", to: &json)
        }
        guard let episode = state.episode else { return }
        json.object("episode") { json in
            json.write("number", Int(episode.number))
            json.write("state", episode.state.rawValue)
            if episode.cic != state.wanted?.cic { json.write("cic", episode.cic) }
            json.write("workgroup", ifPresent: episode.workgroup)
            json.write("with_agent", episode.isWithAgent)
        }
    }

    private static func write(_ wanted: Wanted, as name: String, to json: inout JSONObjectWriter) {
        json.object(name) { json in
            json.write("cic", wanted.cic)
            json.write("workgroup", wanted.workgroup)
            json.write("skills", wanted.skills)
            json.write("mapping", Int(wanted.mapping))
        }
    }

    // MARK: Reading

    /// The case as the decision had read it, and what was wanted after it. Nil for what cannot be read: an older version
    /// recorded less.
    ///
    /// Not recorded, because no decision depends on it: assign numbers, ids of interactions and attempts, failures.
    static func read(_ json: String, _ change: CaseChange) -> (before: CaseState, becomes: Wanted?)? {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: Array(json.utf8))
        } catch {
            return nil
        }
        var before = CaseState()
        if let state = value["case"] {
            guard let read = caseState(state, change) else { return nil }
            before = read
        }
        guard let becomes = value["becomes"] else { return (before, before.wanted) }
        return (before, wanted(becomes))
    }

    private static func caseState(_ value: JSONValue, _ change: CaseChange) -> CaseState? {
        var state = CaseState()
        guard let revision = value["revision"]?.int, let fences = value["fences"]?.array?.compactMap(\.int),
            fences.count == 5
        else { return nil }
        state.revision = Int64(revision)
        state.appliedRevision = state.revision - (value["due"]?.bool == true ? 1 : 0)
        state.fences.epoch = Int32(clamping: fences[0])
        state.fences.state = Int64(fences[1])
        state.fences.arrival = Int64(fences[2])
        state.fences.contact = Int64(fences[3])
        state.fences.reply = Int64(fences[4])
        if let owner = value["owner"]?.string.flatMap(recordID) {
            state.facts = CaseFacts(
                caseNumber: change.caseNumber, owner: owner, isClosed: value["closed"]?.bool ?? false,
                skills: value["skills"]?.string ?? "", priority: change.priority)
        }
        state.observedAt = value["observed_at"]?.int.map { CaseRouting.Timestamp(microseconds: Int64($0)) }
        state.sparesAgent = value["spares_agent"]?.bool ?? false
        state.wanted = value["wanted"].flatMap(wanted)
        state.lastWanted = value["last"].flatMap(wanted) ?? state.wanted
        guard let open = value["episode"] else { return state }
        guard let number = open["number"]?.int,
            let phase = open["state"]?.string.flatMap({ Episode.State(rawValue: $0) }),
            let cic = open["cic"]?.string ?? state.wanted?.cic
        else { return nil }
        state.lastEpisode = Int32(clamping: number)
        state.episode = Episode(
            number: state.lastEpisode, cic: cic, state: phase,
            interaction: phase == .creating ? nil : InteractionID(""), attempt: AttemptID(high: 0, low: 0),
            attemptDeadline: CaseRouting.Timestamp(microseconds: 0), workgroup: open["workgroup"]?.string,
            isWithAgent: open["with_agent"]?.bool ?? false)
        return state
    }

    private static func wanted(_ value: JSONValue) -> Wanted? {
        guard let cic = value["cic"]?.string, let workgroup = value["workgroup"]?.string else { return nil }
        return Wanted(
            cic: cic, workgroup: workgroup, skills: value["skills"]?.string ?? "",
            mapping: Int32(clamping: value["mapping"]?.int ?? 0))
    }

    private static func recordID(_ text: String) -> RecordID? {
        do throws(InvalidRecordID) {
            return try RecordID(text)
        } catch {
            return nil
        }
    }
}
