import Foundation
import Postgres

extension FaultPlan.Fault {
    func strikeBroker(_ scene: Scene) async throws -> String {
        let nodes = zip(CampaignSite.brokerLinks(scene.stack), scene.stack.brokers)
        var server = (nodes.first { $0.0 == target }?.1 ?? scene.stack.broker).process
        switch kind {
        case .queuePurged, .queueDeleted:
            return try await removeMessages(scene)
        case .sideQueuesDeleted:
            for queue in ["caserouter.failed", "caserouter.dead"] { try await scene.broker.delete(queue) }
            try await last { try await scene.insist("migrate") }
        case .connectionsClosed:
            try await scene.broker.control("close_all_connections", "campaign")
        case .brokerFrozen:
            server.signalAll(SIGSTOP)
            // In a cluster for longer than the others wait for it, so that they go on without it.
            if !scene.stack.peers.isEmpty { try await Task.sleep(for: .seconds(25)) }
            try await last { server.signalAll(SIGCONT) }
        case .nodesPartitioned: try await partition(scene)
        case .memoryAlarm:
            try await scene.broker.control("set_vm_memory_high_watermark", "0.0000001")
            try await last { try await scene.broker.control("set_vm_memory_high_watermark", "0.6") }
        case .diskAlarm:
            try await scene.broker.control("set_disk_free_limit", "100000GB")
            try await last { try await scene.broker.control("set_disk_free_limit", "50MB") }
        default:
            if form == Self.leader { server = try await scene.leader(of: "caserouter.requests").process }
            try await server.end(kind == .brokerKilled ? SIGKILL : SIGTERM)
            if !scene.stack.peers.isEmpty { try await Task.sleep(for: .seconds(10)) }
            try await last { try await server.start() }
        }
        return ""
    }

    /// The node from all others, from one of them, or each from each.
    private func partition(_ scene: Scene) async throws {
        let names = CampaignSite.brokerLinks(scene.stack)
        guard let node = names.firstIndex(of: target), names.count > 2 else {
            throw RunFailure("nodes-partitioned needs a cluster: add --cluster")
        }
        let others = names.indices.filter { $0 != node }
        var cuts = [(node, form == "from one" ? [others[Int(seed % UInt64(others.count))]] : others)]
        if form == FaultPlan.everyNode { cuts.append((others[0], Array(others[1...]))) }
        func separate(_ isApart: Bool) async throws {
            for (node, others) in cuts { try await scene.broker.separate(node, from: others, isApart) }
        }
        do {
            try await separate(true)
        } catch {
            try await separate(false)
            throw error
        }
        try await last { try await separate(false) }
    }

    func strikeDatabase(_ scene: Scene) async throws -> String {
        let server = scene.stack.postgres.process
        switch kind {
        case .sessionsKilled: return try await killSessions(scene)
        case .databaseOutOfSessions: return try await takeSessions(scene)
        case .databaseDiskFull: return try await fillDisk(scene)
        case .databaseFrozen:
            let pids = try await scene.sql(
                "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'caserouter %' AND pid IS NOT NULL"
            ).map { try $0.int32(0) }
            // Each session is a process; new ones cannot be opened without the first.
            for pid in [server.pid] + pids { kill(pid, SIGSTOP) }
            try await last { for pid in [server.pid] + pids { kill(pid, SIGCONT) } }
        case .tableLocked:
            try await scene.script(
                "BEGIN; LOCK TABLE caserouter.cases IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(\(seconds)); COMMIT")
        case .databaseFailedOver:
            try await scene.stack.postgres.copyData(scene.run)
            try await last { try await scene.stack.postgres.replaceByCopy(scene.run) }
            try await resumeAgain(scene)
        case .databaseReadOnly:
            // As a standby is that somebody sends the workers to by mistake. Sessions that are open take it over as well.
            try await scene.sql("ALTER SYSTEM SET default_transaction_read_only = on")
            try await scene.sql("SELECT pg_reload_conf()")
            try await last {
                try await scene.sql("ALTER SYSTEM RESET default_transaction_read_only")
                try await scene.sql("SELECT pg_reload_conf()")
            }
        default:
            // SIGINT is PostgreSQL's fast shutdown.
            try await server.end(kind == .databaseKilled ? SIGKILL : SIGINT)
            try await last { try await server.start() }
        }
        return ""
    }

    /// A pause that was ended right before a failover is there again, and people have to look at that.
    private func resumeAgain(_ scene: Scene) async throws {
        for row in try await scene.sql("SELECT kind, name FROM caserouter.holds WHERE reason = 'paused'") {
            try await scene.resume("\(try row.text(0)):\(try row.text(1))")
        }
    }

    private func killSessions(_ scene: Scene) async throws -> String {
        let end = ContinuousClock.now + .seconds(seconds)
        var killed = 0
        // Longer where none works at that moment.
        while ContinuousClock.now < end || killed == 0 && ContinuousClock.now < end + .seconds(10) {
            let rows = try await scene.sql(
                """
                SELECT count(pg_terminate_backend(pid))::int4 FROM pg_stat_activity
                WHERE application_name LIKE 'caserouter %' AND state <> 'idle'
                """)
            killed += Int(try rows[0].int32(0))
            try await Task.sleep(for: .milliseconds(20))
        }
        guard killed > 0 else { throw NothingStruck(description: "no session worked") }
        return "\(killed) sessions"
    }

    /// Opens sessions until none is left, and ends those of the product, which come back and are refused.
    private func takeSessions(_ scene: Scene) async throws -> String {
        var taken: [PostgresConnection] = []
        func giveBack() async { for session in taken { await session.close() } }
        let own = "FROM pg_stat_activity WHERE application_name LIKE 'caserouter %'"
        do {
            taken.append(try await scene.openSession())
            let limit = ContinuousClock.now + .seconds(20)
            var left = 1
            // Whoever loses its session is back in a moment, and may find a place before the next round takes it.
            while left > 0, ContinuousClock.now < limit {
                _ = try await taken[0].query("SELECT pg_terminate_backend(pid) \(own)")
                try await takeWhatIsFree(scene, &taken)
                left = Int(try await taken[0].query("SELECT count(*)::int4 \(own)")[0].int32(0))
            }
            try await last()
            await giveBack()
            return "\(taken.count) taken" + (left > 0 ? ", \(left) kept" : "")
        } catch {
            await giveBack()
            throw error
        }
    }

    /// Until the server has refused for half a second: sessions that are told to end need a moment for it.
    private func takeWhatIsFree(_ scene: Scene, _ taken: inout [PostgresConnection]) async throws {
        var limit = ContinuousClock.now + .milliseconds(500)
        while ContinuousClock.now < limit {
            do throws(PostgresError) {
                taken.append(try await scene.openSession())
                limit = ContinuousClock.now + .milliseconds(500)
            } catch {
                guard error.isOutOfSessions else { throw error }
            }
        }
    }

    /// Until there is room again statements that need more fail; where the log needs it the server gives up.
    private func fillDisk(_ scene: Scene) async throws -> String {
        let server = scene.stack.postgres
        guard let disk = server.disk else { throw RunFailure("the database has no disk that can be filled") }
        let logged = try scene.postgresLog().count
        try disk.fill()
        if form == "log" { await useUpLog(scene) }
        try await last { disk.clear() }
        let hadEnded = try await revive(server, scene)
        let news = try scene.postgresLog().dropFirst(logged)
        return "\(Self.count("No space left on device", in: news)) refusals, \(Self.count("PANIC:", in: news)) panics"
            + (hadEnded ? ", started again" : "")
    }

    /// By the C library: meanwhile nobody watches whether cases flow again.
    private static func count(_ text: String, in data: Data) -> Int {
        data.withUnsafeBytes { bytes in
            let (sought, length) = (Array(text.utf8), text.utf8.count)
            guard var from = bytes.baseAddress, bytes.count >= length else { return 0 }
            let last = from + bytes.count - length
            var count = 0
            while from <= last, let found = memchr(from, Int32(sought[0]), last - from + 1) {
                if memcmp(found, sought, length) == 0 { count += 1 }
                from = UnsafeRawPointer(found) + 1
            }
            return count
        }
    }

    /// Fills every segment of the log that is kept for later, until there is none and no room for another.
    private func useUpLog(_ scene: Scene) async {
        let message = "SELECT pg_logical_emit_message(false, 'campaign', 'full'), pg_switch_wal()"
        for _ in 0..<100 {
            // It ends with the server, which is what it is for.
            guard (try? await scene.sql(message, patience: .zero)) != nil else { return }
        }
    }

    /// Starts the server again if it has given up, and returns whether it had, when it answers.
    private func revive(_ server: PostgresServer, _ scene: Scene) async throws -> Bool {
        let deadline = ContinuousClock.now + .seconds(60)
        var hadEnded = false
        while true {
            if server.process.hasEnded {
                hadEnded = true
                try await server.process.start()
            }
            do {
                try await scene.sql("SELECT 1", patience: .zero)
                return hadEnded
            } catch {
                guard ContinuousClock.now < deadline, !Task.isCancelled else { throw error }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    func pause(_ scene: Scene) async throws -> String {
        try await scene.insist("pause", target, "--why", "campaign")
        try await last { try await scene.resume(target) }
        return ""
    }
}
