import CaseRouting
import JSON

/// What a decision had read, stored with its request: enough to understand it later, and no text of a customer's.
enum DecisionInputs {
    static func json(_ change: CaseChange, _ before: CaseState) -> String {
        let bytes = JSONWriter.object { json in
            json.write("version", Int(change.version))
            json.write("owner", change.owner.description)
            json.write("previous_owner", ifPresent: change.previousOwner?.description)
            json.write("closed", change.isClosed)
            json.write("skills", change.skills)
            json.write("compared_with", ifPresent: change.comparedWith.map(Int.init))
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
        if let wanted = state.wanted {
            json.object("wanted") { json in
                json.write("cic", wanted.cic)
                json.write("workgroup", wanted.workgroup)
                json.write("skills", wanted.skills)
            }
        }
        guard let episode = state.episode else { return }
        json.object("episode") { json in
            json.write("number", Int(episode.number))
            json.write("state", episode.state.rawValue)
            json.write("workgroup", ifPresent: episode.workgroup)
            json.write("with_agent", episode.isWithAgent)
        }
    }
}
