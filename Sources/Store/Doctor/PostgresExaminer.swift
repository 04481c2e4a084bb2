import CaseRouting
import Operations
import Postgres

/// What `doctor` sees of the database: what the server says about itself, and the catalogue. Everything is read.
public struct PostgresExaminer: DatabaseExaminer {
    let database: PostgresDatabase
    let clock: any RoutingClock
    /// The database's hosts are this machine.
    private let isLocal: Bool

    /// - Parameter database: need not be up.
    public init(_ database: PostgresDatabase, address: PostgresAddress, clock: any RoutingClock) {
        self.database = database
        self.clock = clock
        isLocal = address.hosts.allSatisfy {
            $0.isEmpty || $0.hasPrefix("/") || ["127.0.0.1", "localhost", "::1"].contains($0)
        }
    }

    static let subject = "database"
    /// Clocks that differ by more make times of logs, certificates and assertions wrong.
    private static let clockDifference: Duration = .seconds(5)
    private static let patience: Duration = .seconds(10)

    public func examine() async -> [DoctorLine] {
        do throws(PostgresError) {
            try await database.waitUntilUp(atMost: Self.patience)
        } catch {
            if error.isOutOfSessions {
                return [
                    .failure(.databaseReachable, Self.subject, "no session was opened: \(error.text)"),
                    .failure(.databaseConnections, Self.subject, "no connection is left"),
                ]
            }
            // A standby lets a session in and is asked for its place in the write-ahead log, which it has none of.
            guard
                ["recovery is in progress", "hot standby", "session is read-only"].contains(where: error.text.contains)
            else { return [.failure(.databaseReachable, Self.subject, "no session was opened: \(error.text)")] }
            return [
                .failure(
                    .databaseReachable, Self.subject, "no session was opened: no server that was asked takes writes"),
                .failure(
                    .databaseWritable, Self.subject, "this server takes no writes, it is a standby: \(error.text)"),
            ]
        }
        var lines: [DoctorLine] = []
        for look in [server, schema, rights, partitions] {
            do throws(PostgresError) {
                lines += try await look()
            } catch {
                lines.append(.failure(.databaseRights, Self.subject, "it cannot be asked: \(error)"))
            }
        }
        return lines
    }

    public func configuration() async throws(RoutingFailure) -> StoredConfiguration {
        try await PostgresConfigurationStore(database: database).load()
    }

    /// The newest rows of a day that ends two minutes ago: what is younger is still on its way.
    public func arrivals(org: String) async throws(RoutingFailure) -> EventArrivals {
        let rows = try await database.ask(
            """
            SELECT EXISTS (SELECT FROM caserouter.leases WHERE kind = 'org' AND name = $1 AND until > now()),
                count(*) FILTER (WHERE found = 'stream'), count(*) FILTER (WHERE found = 'sweep')
            FROM (
                SELECT found FROM caserouter.requests
                WHERE org = $1 AND day >= (now() AT TIME ZONE 'UTC')::date - 1 AND outbox_row IS NOT NULL
                    AND received_at < now() - interval '2 minutes'
                ORDER BY received_at DESC LIMIT 20) newest
            """, [.text(org)], name: "arrivals")
        do throws(PostgresError) {
            return EventArrivals(
                isHeld: try rows[0].bool(0), byEvent: Int(try rows[0].int64(1)), bySweep: Int(try rows[0].int64(2)))
        } catch {
            throw RoutingFailure(error)
        }
    }

    // MARK: The server

    private func server() async throws(PostgresError) -> [DoctorLine] {
        let before = clock.wall
        let row = try await database.query(
            """
            SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
                pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on',
                current_setting('synchronous_commit'), current_setting('synchronous_standby_names') <> '',
                current_setting('fsync') = 'on' AND current_setting('full_page_writes') = 'on', clock_timestamp(),
                coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),
                current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'), current_user::text
            """, name: "doctor server")[0]
        let after = clock.wall
        let version = try row.int32(0)
        let name = try row.text(1)
        let role = try row.text(10)
        let isReadOnly = try row.bool(2)
        var lines: [DoctorLine] = [.ok(.databaseReachable, Self.subject, "logged in as \(role)")]
        lines.append(
            version >= 150_000
                ? .ok(.databaseVersion, Self.subject, "PostgreSQL \(name)")
                : .failure(.databaseVersion, Self.subject, "PostgreSQL \(name) is older than 15"))
        lines.append(
            isReadOnly
                ? .failure(.databaseWritable, Self.subject, "this server takes no writes: a standby, or set read-only")
                : .ok(.databaseWritable, Self.subject, "it takes writes"))
        lines.append(commit(try row.text(3), hasStandby: try row.bool(4)))
        lines.append(
            try row.bool(5)
                ? .ok(.databaseDurability, Self.subject, "fsync and full_page_writes are on")
                : .warning(.databaseDurability, Self.subject, "fsync or full_page_writes is off"))
        lines.append(clockLine(try row.timestamp(6), between: before, and: after))
        let hasTLS = try row.bool(7)
        lines.append(
            hasTLS || isLocal
                ? .ok(.databaseTLS, Self.subject, hasTLS ? "the connection uses TLS" : "it is on this machine")
                : .warning(.databaseTLS, Self.subject, "the connection to another machine does not use TLS"))
        let (most, used) = (Int(try row.int32(8)), Int(try row.int64(9)))
        lines.append(
            used * 10 > most * 8
                ? .warning(.databaseConnections, Self.subject, "\(used) of \(most) connections are in use")
                : .ok(.databaseConnections, Self.subject, "\(used) of \(most) connections are in use"))
        return lines
    }

    private func commit(_ setting: String, hasStandby: Bool) -> DoctorLine {
        switch setting {
        case "off":
            return .failure(
                .databaseCommit, Self.subject,
                "synchronous_commit is off: a crash of the server loses what was committed")
        case "local" where hasStandby:
            return .warning(
                .databaseCommit, Self.subject,
                "synchronous_commit is local: a failover loses what the standby does not have yet")
        default:
            return .ok(
                .databaseCommit, Self.subject,
                "synchronous_commit is \(setting)"
                    + (hasStandby ? ", with a synchronous standby" : ", without a standby"))
        }
    }

    private func clockLine(
        _ theirs: CaseRouting.Timestamp, between before: CaseRouting.Timestamp, and after: CaseRouting.Timestamp
    ) -> DoctorLine {
        let off = theirs < before ? before - theirs : theirs > after ? theirs - after : .zero
        let sentence =
            off < .milliseconds(1)
            ? "this machine's clock and the database's agree"
            : "this machine's clock is \(Self.seconds(off)) s \(theirs < before ? "before" : "behind") the database's"
        return off > Self.clockDifference
            ? .warning(.databaseClock, Self.subject, sentence) : .ok(.databaseClock, Self.subject, sentence)
    }

    private static func seconds(_ duration: Duration) -> String {
        let tenths = duration / .milliseconds(100)
        return "\(Double(Int(tenths)) / 10)"
    }
}
