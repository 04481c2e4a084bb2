import Foundation
import Synchronization

/// Injects the faults of a plan and watches the recovery from each.
final class FaultDriver: Sendable {
    private let scene: Scene
    private let plan: FaultPlan
    private let watch: RecoveryWatch
    private let state = Mutex<[FaultRecord]>([])
    private let lostRows = Mutex<Date?>(nil)

    init(scene: Scene, plan: FaultPlan, watch: RecoveryWatch) {
        self.scene = scene
        self.plan = plan
        self.watch = watch
    }

    /// What happened, by number.
    var records: [FaultRecord] { state.withLock { $0.sorted { $0.number < $1.number } } }

    /// When the database lost rows last.
    var rowsLostAt: Date? { lostRows.withLock { $0 } }

    /// Injects everything, group beside group, and waits until every recovery is known.
    func run() async throws {
        let start = Date()
        try await withThrowingTaskGroup(of: Void.self) { groups in
            for group in FaultKind.Group.allCases {
                let faults = plan.faults.filter { $0.kind.group == group }
                if faults.isEmpty { continue }
                groups.addTask { [self] in
                    try await withThrowingTaskGroup(of: Void.self) { recoveries in
                        for fault in faults { try await inject(fault, start, &recoveries) }
                        try await recoveries.waitForAll()
                    }
                }
            }
            try await groups.waitForAll()
        }
    }

    private func inject(
        _ fault: FaultPlan.Fault, _ origin: Date, _ recoveries: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        let wait = fault.at - Date().timeIntervalSince(origin)
        if wait > 0 { try await Task.sleep(for: .seconds(wait)) }
        let start = Date().timeIntervalSince(origin)
        Terminal.line(Self.text(fault, at: start))
        let isSurvived = fault.kind.strikesNode && !scene.stack.peers.isEmpty
        if isSurvived {
            // The node is gone by then.
            watchRecovery(fault, from: start, to: start + 1, "the others went on", &recoveries, origin)
        }
        let note: String
        do {
            note = try await fault.inject(on: scene)
        } catch {
            throw RunFailure("fault \(fault.number), \(fault.kind.rawValue) of \(fault.target): \(error)")
        }
        if fault.kind == .databaseFailedOver { lostRows.withLock { $0 = Date() } }
        if isSurvived { return }
        watchRecovery(fault, from: start, to: Date().timeIntervalSince(origin), note, &recoveries, origin)
    }

    /// - Parameters:
    ///   - start: in seconds after the first case, as `end`.
    ///   - end: from when cases have to flow; may be yet to come.
    private func watchRecovery(
        _ fault: FaultPlan.Fault, from start: Double, to end: Double, _ note: String,
        _ recoveries: inout ThrowingTaskGroup<Void, any Error>, _ origin: Date
    ) {
        recoveries.addTask { [self] in
            let wait = end - Date().timeIntervalSince(origin)
            if wait > 0 { try await Task.sleep(for: .seconds(wait)) }
            let recovery = try await watch.recovery(judgesBacklog: fault.kind.judgesBacklog)
            let record = FaultRecord(
                number: fault.number, kind: fault.kind, target: fault.target, form: fault.form, planned: fault.at,
                start: start, end: end, recovered: recovery.canaries, backlog: recovery.backlog, note: note)
            state.withLock { $0.append(record) }
        }
    }

    private static func text(_ fault: FaultPlan.Fault, at seconds: Double) -> String {
        String(format: "%6.1f s  ", seconds) + "fault \(fault.number): \(fault.kind.rawValue) \(fault.target)"
            + (fault.form.isEmpty ? "" : " \(fault.form)") + (fault.seconds > 0 ? " \(fault.seconds) s" : "")
    }
}

extension FaultPlan.Fault {
    /// Does it, and returns when it is over, with what there is to say about it.
    func inject(on scene: Scene) async throws -> String {
        switch kind.group {
        case .worker: try await strikeWorker(scene)
        case .broker: try await strikeBroker(scene)
        case .database: try await strikeDatabase(scene)
        case .cic: try await strikeCIC(scene)
        case .salesforce: try await strikeSalesforce(scene)
        case .network: try await strikeNetwork(scene)
        case .people: try await pause(scene)
        }
    }

    /// Waits as long as the fault lasts and then ends it, in any case: what is left frozen could not be ended in order.
    func last(thenAlways mend: () async throws -> Void = {}) async throws {
        do {
            try await Task.sleep(for: .seconds(seconds))
        } catch {
            try await mend()
            throw error
        }
        try await mend()
    }
}
