import Foundation
import Synchronization

/// Injects the faults of a plan and watches the recovery from each.
final class FaultDriver: Sendable {
    private struct Progress {
        var records: [FaultRecord] = []
        /// Numbers of the faults that are mended.
        var mended: Set<Int> = []
        /// Of those whose recovery is known, as far as it is judged.
        var judged: Set<Int> = []
        /// By number, until when others wait for the recovery from each.
        var patience: [Int: Double] = [:]
        /// By number, until when something is left of it.
        var lingering: [Int: Double] = [:]
        var hasFailed = false

        /// Whether it is known how the recovery from a fault went, or that it is late.
        func isSettled(_ number: Int, at now: Double) -> Bool {
            guard mended.contains(number), lingering[number].map({ $0 <= now }) ?? true else { return false }
            return judged.contains(number) || patience[number].map { $0 < now } ?? false
        }
    }

    private let scene: Scene
    private let plan: FaultPlan
    private let watch: RecoveryWatch
    private let progress = Mutex(Progress())
    private let lostRows = Mutex<[Date]>([])
    private let rowless = Mutex<[String: Date]>([:])

    init(scene: Scene, plan: FaultPlan, watch: RecoveryWatch) {
        self.scene = scene
        self.plan = plan
        self.watch = watch
    }

    /// What happened, by number.
    var records: [FaultRecord] { progress.withLock { $0.records.sorted { $0.number < $1.number } } }

    /// When the database lost rows, in order.
    var rowsLost: [Date] { lostRows.withLock { $0 } }

    /// Until when the triggers of an org did not run.
    var rowlessUntil: [String: Date] { rowless.withLock { $0 } }

    /// Injects everything, group beside group, and waits until every recovery is known.
    func run() async throws {
        let origin = Date()
        try await withThrowingTaskGroup(of: Void.self) { faults in
            var order = FaultOrder(plan.faults)
            while let wait = order.wait(at: Date().timeIntervalSince(origin)) {
                if wait > 0 { try await Task.sleep(for: .seconds(wait)) }
                let before = order.played
                var isQuiet = true
                if order.needsQuiet {
                    let patience = order.patience { isSettled($0, origin) }
                    isQuiet = try await isSettled(before.map(\.number), within: patience, origin)
                }
                if progress.withLock({ $0.hasFailed }) { break }
                let fault = order.take(isQuiet: isQuiet, at: Date().timeIntervalSince(origin)) { isSettled($0, origin) }
                let sameGroup = before.filter { $0.kind.group == fault.kind.group }.map(\.number)
                faults.addTask { [self] in
                    do {
                        try await play(fault, after: sameGroup, origin)
                    } catch {
                        progress.withLock { $0.hasFailed = true }
                        throw error
                    }
                }
            }
            try await faults.waitForAll()
        }
    }

    /// Whether the recoveries from these are known, waited for until then, or for so long.
    private func isSettled(_ numbers: [Int], within limit: Double?, _ origin: Date) async throws -> Bool {
        let deadline = limit.map { ContinuousClock.now + .seconds($0) }
        while true {
            if isSettled(numbers, origin) { return true }
            if let deadline, ContinuousClock.now > deadline { return false }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func isSettled(_ numbers: [Int], _ origin: Date) -> Bool {
        let now = Date().timeIntervalSince(origin)
        return progress.withLock { progress in
            progress.hasFailed || numbers.allSatisfy { progress.isSettled($0, at: now) }
        }
    }

    /// Injects a fault when those of its group that came before are mended, and watches the recovery.
    private func play(_ fault: FaultPlan.Fault, after before: [Int], _ origin: Date) async throws {
        while progress.withLock({ !$0.mended.isSuperset(of: before) }) { try await Task.sleep(for: .milliseconds(50)) }

        let start = Date().timeIntervalSince(origin)
        Terminal.line(Self.text(fault, at: start))
        let blow = Blow()
        async let injected = inject(fault, blow)
        if fault.kind.strikesNode && !scene.stack.peers.isEmpty && fault.form != FaultPlan.everyNode {
            // The node is gone by then, and the others go on; a partition is made by a program that takes seconds to start.
            try await Task.sleep(for: .seconds(fault.kind == .nodesPartitioned ? 6 : 1))
        } else if fault.kind.isKill {
            try await blow.wait()
        } else {
            _ = try await injected
        }
        let end = Date().timeIntervalSince(origin)
        let bound = FaultRecord(
            number: fault.number, kind: fault.kind, target: fault.target, form: blow.point ?? fault.form,
            planned: fault.at,
            start: start, end: end
        ).bound
        // Those that others may have been in the way of are given longer before one stands alone.
        progress.withLock {
            $0.patience[fault.number] = end + (fault.isAlone ? bound : 2 * bound)
            $0.lingering[fault.number] = end + fault.kind.lingers
        }
        let recovery = try await watch.recovery(
            from: fault.target, judgesBacklog: fault.kind.judgesBacklog, countsUntold: fault.kind == .triggersOff
        ) { [self] in
            progress.withLock { _ = $0.judged.insert(fault.number) }
        }
        let outcome = try await injected
        let judged = [recovery.canaries] + (fault.kind.judgesBacklog ? [recovery.backlog] : [])
        let record = FaultRecord(
            number: fault.number, kind: fault.kind, target: fault.target, form: blow.point ?? fault.form,
            isAlone: fault.isAlone, planned: fault.at, start: outcome.start.timeIntervalSince(origin), end: end,
            recovered: recovery.canaries.seconds, backlog: recovery.backlog.seconds,
            awaited: judged.max { $0.took < $1.took }?.last ?? [], note: outcome.note, tries: outcome.tries,
            hasStruck: outcome.hasStruck)
        progress.withLock { $0.records.append(record) }
    }

    /// What came of a fault.
    private struct Outcome {
        var note: String
        var tries: Int
        /// When the last try began.
        var start = Date()
        var hasStruck = true
    }

    /// Injects it until it strikes something, but not for ever.
    private func inject(_ fault: FaultPlan.Fault, _ blow: Blow) async throws -> Outcome {
        defer { blow.miss() }
        var outcome = Outcome(note: "", tries: 1)
        do {
            while true {
                do {
                    outcome.note = try await fault.inject(on: scene, blow)
                    break
                } catch let nothing as NothingStruck {
                    outcome.note = nothing.description
                    Terminal.line("         fault \(fault.number) struck nothing: \(nothing)")
                    guard outcome.tries < Self.mostTries else {
                        outcome.hasStruck = false
                        break
                    }
                    try await Task.sleep(for: Self.pauseBeforeNextTry)
                    outcome.tries += 1
                    outcome.start = Date()
                }
            }
        } catch {
            throw RunFailure("fault \(fault.number), \(fault.kind.rawValue) of \(fault.target): \(error)")
        }
        if fault.kind == .databaseFailedOver { lostRows.withLock { $0.append(Date()) } }
        if fault.kind == .triggersOff { rowless.withLock { $0[fault.target] = Date() } }
        progress.withLock { _ = $0.mended.insert(fault.number) }
        return outcome
    }

    private static let mostTries = 4
    /// Until there is something to strike.
    private static let pauseBeforeNextTry = Duration.seconds(3)

    private static func text(_ fault: FaultPlan.Fault, at seconds: Double) -> String {
        String(format: "%6.1f s  ", seconds) + "fault \(fault.number): \(fault.kind.rawValue) \(fault.target)"
            + (fault.form.isEmpty ? "" : " \(fault.form)") + (fault.seconds > 0 ? " \(fault.seconds) s" : "")
            + (fault.isAlone ? ", alone" : "")
    }
}

extension FaultPlan.Fault {
    /// Does it, and returns when it is over, with what there is to say about it.
    ///
    /// - Parameter blow: falls when a worker is dead and the others have to go on without it.
    func inject(on scene: Scene, _ blow: Blow) async throws -> String {
        switch kind.group {
        case .worker: try await strikeWorker(scene, blow)
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
