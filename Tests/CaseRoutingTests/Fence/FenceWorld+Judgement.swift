import CaseRouting
import TestSupport

extension FenceWorld {
    /// What must never be, at rest or not.
    var violation: String? {
        let routable = cic.interactions.values.filter { $0.place != .holding }.count
        if routable > 1 { return "two routable interactions" }
        if held.revision > 80 { return "no end: the revision runs away" }
        if committed.isEmpty && held.revision > 3 { return "offered again though nothing has changed in Salesforce" }
        return nil
    }

    /// The judgement of the model, Q1 to Q6, of a world at rest.
    var judgement: String? {
        for request in tables.requests.values where request.isSeen && request.outcome == nil && !waitsForAgent {
            return "Q1/Q3: \(request.change.key) has no outcome"
        }
        for (index, one) in committed.enumerated() where one.hasRow && tables.requests[RequestKey(one.change)] == nil {
            return "Q1/Q3: change \(index) was never merged"
        }
        let state = held
        let routable = cic.interactions.values.first { $0.place != .holding }
        if let facts = state.facts, facts.owner != owner || facts.isClosed != isClosed || facts.skills != skills {
            let isOut = !isRoutable && (facts.isClosed || workgroup(of: facts.owner) == nil)
            if !(isOut && state.wanted == nil && routable == nil) {
                return "Q2: what is held differs from Salesforce"
            }
        }
        if isClosed && (state.wanted != nil || routable != nil) { return "Q2: closed, but still offered" }
        if owner == Sample.unmonitored && routable?.place == .waiting { return "Q2: offered in an unmonitored queue" }
        guard isRoutable else { return nil }
        if let routable {
            if routable.workgroup != workgroup(of: owner) { return "Q2: on the wrong workgroup" }
            if routable.place == .waiting && routable.skills != skills { return "Q2: waits with the wrong skills" }
        }
        return swallowed(routable)
    }

    /// Q6: what was asked and not answered by a later reply, close or owner is followed by an offer.
    private func swallowed(_ routable: HandlerModel.Live?) -> String? {
        for index in committed.indices.dropFirst(stopAfter) where !answered.contains(index) {
            let one = committed[index]
            switch one.happening {
            case .comment:
                if routable == nil { return "Q6: comment \(index) was swallowed" }
            case .queueA, .queueB, .reopened:
                guard !one.change.isClosed, workgroup(of: one.change.owner) != nil else { continue }
                let hasLater = committed[(index + 1)...].contains {
                    $0.happening.isState && $0.happening != .skills && !$0.change.isClosed
                        && workgroup(of: $0.change.owner) != nil
                }
                if !hasLater { return "Q6: arrival \(index) was swallowed" }
            default: continue
            }
        }
        return nil
    }
}
