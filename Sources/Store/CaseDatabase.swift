import CaseRouting
import Polling
import Postgres

extension PostgresDatabase {
    /// The sessions of a process that works on cases: flushes lock their cases in the order of keys, and every new
    /// session compares the database's timeline with the stored one before anything is sent through it (design.md 7,
    /// lost rows). What has to be dropped then, `timelineChanges` says.
    ///
    /// - Parameter batchers: 3 for a process that routes, so that a new request is read while others are merged, and an
    ///   interaction wins its episode meanwhile (`PostgresCaseStore`).
    public static func forCases(
        _ address: PostgresAddress, _ settings: PostgresSettings, on executor: PollExecutor, sessions: Int = 2,
        batchers: Int = 1
    ) -> PostgresDatabase {
        PostgresDatabase(
            address, settings, on: executor, sessions: sessions, batchers: batchers, lock: ReadStatement.lock,
            admission: { connection throws(PostgresError) in
                _ = try await connection.query(plans, name: "set plans")
                try await Timeline.compare(connection)
            })
    }

    /// Plans are made once per session, not per flush: planning the merge takes 4 ms, as long as carrying it out for a
    /// hundred cases. Such a plan has to be good for tables of any size, also where it was made while they were empty
    /// (every midnight a partition is), so it is kept to the one that always is: from the arrays by index, row by row, in
    /// the order written. Rows cost much and pages little, so that among indexes the one that finds fewest rows wins.
    ///
    /// For the same reason the statements find an open episode by its number, which is the case's newest, and never by
    /// the index of open episodes: empty, that looks cheaper to read from end to end.
    private static let plans = """
        SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false),
            set_config('enable_hashjoin', 'off', false), set_config('enable_mergejoin', 'off', false),
            set_config('enable_material', 'off', false), set_config('join_collapse_limit', '1', false),
            set_config('random_page_cost', '0.1', false), set_config('cpu_tuple_cost', '1', false),
            set_config('cpu_index_tuple_cost', '0.5', false), set_config('jit', 'off', false)
        """

    /// A single statement outside the flushes, with the error of the ports.
    ///
    /// - Parameter role: that of the person who asks; nil: a worker does.
    func ask(
        _ sql: String, _ parameters: [PostgresValue] = [], name: String, needing role: JobRole? = nil
    ) async throws(RoutingFailure) -> PostgresRows {
        do throws(PostgresError) {
            return try await query(sql, parameters, name: name)
        } catch {
            throw role.map { RoutingFailure(error, needing: $0) } ?? RoutingFailure(error)
        }
    }
}
