import Foundation

extension FaultPlan.Fault {
    func strikeWorker(_ scene: Scene) async throws -> String {
        switch kind {
        case .workerKilled:
            let place = try scene.worker(target)
            await scene.crew.signal(place, SIGKILL)
            try await last()
            try await scene.restart(place)
            return ""
        case .workerFrozen:
            let place = try scene.worker(target)
            await scene.crew.signal(place, SIGSTOP)
            try await last { await scene.crew.signal(place, SIGCONT) }
            return ""
        case .workerTerminated:
            let place = try scene.worker(target)
            let note = try await terminate(place, scene)
            try await last()
            try await scene.restart(place)
            return note
        case .killedAtPoint, .frozenAtPoint:
            return try await strikeAtPoint(scene)
        default:
            var notes: [String] = []
            for place in scene.crew.places {
                notes.append(try await terminate(place, scene))
                try await scene.restart(place)
            }
            return notes.filter { !$0.isEmpty }.joined(separator: ", ")
        }
    }

    /// Ends a worker in order. It has 20 s for what is in hand.
    private func terminate(_ place: Crew.Place, _ scene: Scene) async throws -> String {
        await scene.crew.signal(place, SIGTERM)
        let code = try await scene.crew.waitForEnd(place, within: .seconds(30))
        if code == nil { await scene.crew.signal(place, SIGKILL) }
        return code == 0 ? "" : "\(place.label) ended with \(code.map(String.init) ?? "a kill after 30 s")"
    }

    /// Arms the point in a worker, or in another one of its role where this one does not come past it.
    private func strikeAtPoint(_ scene: Scene) async throws -> String {
        let wanted = try scene.worker(target)
        let candidates = scene.crew.places.filter { $0.role == wanted.role }
        let action: Failpoints.Action = kind == .killedAtPoint ? .kill : .stop
        for place in [wanted] + candidates.filter({ $0 != wanted }) {
            guard let pid = await scene.crew.pid(place) else { continue }
            if action == .kill { await scene.crew.leave(place) }
            guard try await scene.failpoints.strike(form, in: pid, after: Int(seed % 5), action, within: .seconds(4))
            else {
                await scene.crew.attend(place)
                continue
            }
            if action == .kill {
                try await last()
                try await scene.restart(place)
            } else {
                try await last { await scene.crew.signal(place, SIGCONT) }
            }
            return place == wanted ? "" : "in \(place.label)"
        }
        return "not passed"
    }
}
