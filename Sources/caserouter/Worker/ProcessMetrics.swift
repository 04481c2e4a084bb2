import CaseRouting
import Foundation
import Operations
import Postgres

/// What every process shows of itself. `/proc` is read when somebody asks, and never by whoever works on cases.
enum ProcessMetrics {
    static func samples(of worker: Worker) async -> [MetricSample] {
        let batches = await worker.database.batches
        return system() + [
            MetricSample(
                .processInfo, ["version": CaseRouterVersion.text, "role": worker.role, "worker": worker.name], 1),
            MetricSample(.databaseSessions, await worker.database.sessionCount),
            MetricSample(.databaseOpenings, await worker.database.openings),
            MetricSample(.batches, batches.commits), MetricSample(.batchRows, batches.rows),
            MetricSample(.batchRepeats, batches.repeats),
        ] + (await leases(worker))
    }

    /// Asked of the database, because a lease is what is written there.
    private static func leases(_ worker: Worker) async -> [MetricSample] {
        guard await worker.database.isUp else { return [] }
        do throws(PostgresError) {
            return try await worker.database.query(
                """
                SELECT k.kind, (SELECT count(*) FROM caserouter.leases l
                    WHERE l.kind = k.kind AND l.owner = $1 AND l.until > now())
                FROM unnest('{org,watch,housekeeping}'::text[]) AS k (kind)
                """, [.text(worker.owner)], name: "leases held"
            ).map { row throws(PostgresError) in
                MetricSample(.leases, ["kind": try row.text(0)], try row.int64(1))
            }
        } catch {
            // Missing is what a figure is that nobody knows.
            return []
        }
    }

    private static func system() -> [MetricSample] {
        var samples: [MetricSample] = []
        if let status = read("/proc/self/stat"), let end = status.lastIndex(of: ")") {
            // Behind the name, which may hold anything: fields 3 and on.
            let fields = status[status.index(after: end)...].split(separator: " ")
            let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
            func field(_ number: Int) -> Double? {
                fields.indices.contains(number - 3) ? Double(fields[number - 3]) : nil
            }
            if let user = field(14), let system = field(15) {
                samples.append(MetricSample(.cpu, (user + system) / ticks))
            }
            if let bytes = field(23) { samples.append(MetricSample(.virtualMemory, bytes)) }
            if let pages = field(24) {
                samples.append(MetricSample(.memory, pages * Double(sysconf(Int32(_SC_PAGESIZE)))))
            }
            if let began = field(22), let boot = bootTime() {
                samples.append(MetricSample(.started, boot + began / ticks))
            }
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            samples.append(MetricSample(.mostFiles, Double(limit.rlim_cur)))
        }
        // Who may not see them shows none.
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            samples.append(MetricSample(.openFiles, open.count))
        }
        return samples
    }

    private static func bootTime() -> Double? {
        read("/proc/stat")?.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    private static func read(_ file: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: file) else { return nil }
        // A file that cannot be read shows nothing.
        return (try? handle.readToEnd()).flatMap { String(decoding: $0, as: UTF8.self) }
    }
}
