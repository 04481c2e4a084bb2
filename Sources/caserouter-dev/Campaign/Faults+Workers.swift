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
        case .workerFrozen, .workerOutlived:
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
            return try await strikeAtPoint(scene, .seconds(12))
        case .crashLoop:
            var notes: [String] = []
            for _ in 0..<4 { notes.append(try await strikeAtPoint(scene, .seconds(6))) }
            return notes.joined(separator: ", ")
        case .descriptorsShort:
            return try await takeDescriptors(scene)
        case .clockWrong:
            return try await falsifyClock(scene)
        case .leasesTaken:
            try await scene.sql("UPDATE caserouter.leases SET owner = 'campaign', until = '-infinity'")
            try await last()
            return ""
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
    func terminate(_ place: Crew.Place, _ scene: Scene) async throws -> String {
        await scene.crew.signal(place, SIGTERM)
        let code = try await scene.crew.waitForEnd(place, within: .seconds(30))
        if code == nil { await scene.crew.signal(place, SIGKILL) }
        return code == 0 ? "" : "\(place.label) ended with \(code.map(String.init) ?? "a kill after 30 s")"
    }

    /// Arms the point in the worker and, because nobody knows who comes past it, in all others of its role.
    ///
    /// - Parameter limit: how long to wait for somebody to come past.
    private func strikeAtPoint(_ scene: Scene, _ limit: Duration) async throws -> String {
        let role = try scene.worker(target).role
        let action: Failpoints.Action = kind == .frozenAtPoint ? .stop : .kill
        var pids: [Int32: Crew.Place] = [:]
        for place in scene.crew.places where place.role == role {
            guard let pid = await scene.crew.pid(place) else { continue }
            pids[pid] = place
            // Its end is expected.
            if action == .kill { await scene.crew.leave(place) }
        }
        let struck = try await scene.failpoints.strike(
            form, in: Array(pids.keys), after: Int(seed % 5), action, within: limit)
        for (pid, place) in pids where !struck.contains(pid) {
            if action == .kill { await scene.crew.attend(place) } else { await scene.crew.signal(place, SIGCONT) }
        }
        let places = struck.compactMap { pids[$0] }
        guard !places.isEmpty else { return "not passed" }
        try await last {
            for place in places where action == .stop { await scene.crew.signal(place, SIGCONT) }
        }
        for place in places where action == .kill { try await scene.restart(place) }
        return places.map(\.label).joined(separator: ", ")
    }
}
