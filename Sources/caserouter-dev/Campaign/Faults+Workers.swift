import Foundation

extension FaultPlan.Fault {
    func strikeWorker(_ scene: Scene, _ blow: Blow) async throws -> String {
        switch kind {
        case .workerKilled:
            let place = try scene.worker(target)
            await scene.crew.signal(place, SIGKILL)
            blow.fall()
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
            return try await strikeNextPoint(scene, blow)
        case .crashLoop:
            return try await loopCrashes(scene, blow)
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
}
