import Foundation

/// What administrators, agents and customers do in a CIC server.
extension FaultPlan.Fault {
    /// The service user loses the right to see queues, which those sessions notice that begin meanwhile; and gets it back,
    /// which nobody tells, so that somebody has to send again what has failed.
    func hideQueues(_ control: Control, _ scene: Scene) async throws -> String {
        let server = try scene.server(target)
        let queues =
            switch form {
            case "holding": [DemoSite.holding]
            case "workgroups": server.workgroups
            default: Set(scene.site.mappings.filter { $0.server == target }.compactMap(\.agent)).map { "user:\($0)" }
            }
        try await control.post("configuration", ["unreadableWorkgroups": queues])
        try await control.post("sessions/expire")
        try await last { try await control.post("configuration", ["unreadableWorkgroups": [String]()]) }
        return "\(try await scene.retryFailed()) sent again"
    }

    /// Nobody is offered anything: no agent is there, or ACD stands still.
    func sendAgentsAway(_ control: Control) async throws {
        if form == "acd" {
            try await control.post("configuration", ["acd": false])
            try await last { try await control.post("configuration", ["acd": true]) }
        } else {
            try await control.post("agents/off")
            try await last { try await control.post("agents/on") }
        }
    }

    // MARK: Others' interactions

    /// Without a handler it is assumed that CIC gives no id again within a request's lateness: a worker may have been frozen
    /// for 40 s, and its calls take up to 10 s. The handler compares attempts, so any free id will do there.
    private static let latestRequest = 60.0

    /// Customers and other programs use every queue that the product follows, holding too; some of their interactions get ids
    /// that were the product's, and some carry another installation's marks.
    func letOthersCall(_ control: Control, _ scene: Scene) async throws -> String {
        let server = try scene.server(target)
        let places = server.workgroups + [DemoSite.holding]
        let rounds = Int(seconds.rounded(.up))
        var (made, again) = (0, 0)
        for round in 0..<rounds {
            for workgroup in places {
                try await control.post("interactions", ["workgroup": workgroup, "media": form, "count": 2])
                try await control.post(
                    "interactions",
                    ["workgroup": workgroup, "media": form, "attributes": Self.marksOfAnotherInstallation])
                made += 3
            }
            let age = server.creation == .handler ? 0 : Self.latestRequest
            let free = try scene.freedInteractions(of: target, before: Date(timeIntervalSinceNow: -age))
            for id in free.suffix(3) {
                let workgroup = places[(again + round) % places.count]
                again += try await control.makeForeign(id: id, media: form, workgroup: workgroup) ? 1 : 0
            }
            try await Task.sleep(for: .seconds(seconds / Double(rounds)))
        }
        // No agent works on holding.
        while try await control.endForeign(on: DemoSite.holding) {}
        return "\(made) and \(again) with ids that were ours"
    }

    private static var marksOfAnotherInstallation: [String: String] {
        [
            "CR_Installation": "another", "CR_Org": "00D0000000000ZZEAA",
            "CR_CaseId": "500\(Int.random(in: 100_000_000..<1_000_000_000))ZZZ", "CR_Episode": "1",
            "CR_AttemptId": UUID().uuidString.lowercased(), "CR_Assign": "1",
        ]
    }
}

extension Scene {
    /// Ids of interactions that were the product's, and were nobody's at an instant and are nobody's now; those that were given
    /// up last come last.
    fileprivate func freedInteractions(of server: String, before instant: Date) throws -> [String] {
        struct Line: Decodable {
            let at: Int64
            let kind, event, interaction: String?
            let attributes: [String: String]?
        }
        let ledger = try Data(contentsOf: URL(fileURLWithPath: run.file("\(server).ndjson")), options: .alwaysMapped)
        // The newest lines will do. The first is cut in two.
        let newest = ledger.suffix(Self.newestOfLedger).split(separator: UInt8(ascii: "\n")).dropFirst()
        var free: [String: Int64] = [:]
        for bytes in newest {
            // The simulator may be writing the last one.
            guard let line = try? JSONDecoder().decode(Line.self, from: bytes), line.kind == "interaction",
                let id = line.interaction
            else { continue }
            let isGone = line.event == "deallocated" || line.event == "lost"
            free[id] = isGone && line.attributes?["CR_CaseId"] != nil ? line.at : nil
        }
        let latest = Int64(instant.timeIntervalSince1970 * 1_000_000)
        return free.filter { $0.value < latest }.sorted { $0.value < $1.value }.map(\.key)
    }

    private static let newestOfLedger = 4 << 20
}
