import CaseRouting

/// What processes show at `/metrics`. Names follow Prometheus: base units, `_total` for what only rises. Labels are names
/// of orgs, servers, queues and codes of this program, so that their number is bounded; never a case.
public enum Metric: String, CaseIterable, Sendable {
    // Of one process.
    case processInfo = "caserouter_process_info"
    case cpu = "process_cpu_seconds_total"
    case memory = "process_resident_memory_bytes"
    case virtualMemory = "process_virtual_memory_bytes"
    case openFiles = "process_open_fds"
    case mostFiles = "process_max_fds"
    case started = "process_start_time_seconds"
    case databaseSessions = "caserouter_database_sessions"
    case databaseOpenings = "caserouter_database_sessions_opened_total"
    case batches = "caserouter_database_batches_total"
    case batchRows = "caserouter_database_batch_rows_total"
    case batchRepeats = "caserouter_database_batch_repeats_total"
    case brokerUp = "caserouter_broker_connection_up"
    case brokerBlocked = "caserouter_broker_connection_blocked"
    case brokerOpenings = "caserouter_broker_connections_opened_total"
    case leases = "caserouter_leases_held"
    // Of a routing worker.
    case attempts = "caserouter_attempt_duration_seconds"
    case merges = "caserouter_merges_total"
    case casesInFlight = "caserouter_cases_in_flight"
    case casesInFlightLimit = "caserouter_cases_in_flight_limit"
    case cicSession = "caserouter_cic_session_up"
    case cicOpenings = "caserouter_cic_sessions_opened_total"
    // Of an ingest worker.
    case published = "caserouter_requests_published_total"
    case unconfirmed = "caserouter_publishes_unconfirmed"
    case salesforceCalls = "caserouter_salesforce_calls_total"
    // Of the whole site, shown by `serve` and `all`.
    case siteAsOf = "caserouter_site_as_of_timestamp_seconds"
    case findings = "caserouter_findings"
    case oldestWaiting = "caserouter_oldest_waiting_case_age_seconds"
    case waiting = "caserouter_waiting_cases"
    case withAgents = "caserouter_cases_with_agents"
    case inHolding = "caserouter_holding_interactions"
    case oldestDue = "caserouter_oldest_due_case_age_seconds"
    case due = "caserouter_due_cases"
    case failed = "caserouter_failed_cases"
    case holds = "caserouter_holds"
    case gaps = "caserouter_open_gaps"
    case oldestGap = "caserouter_oldest_gap_age_seconds"
    case lastEvent = "caserouter_last_event_timestamp_seconds"
    case lastSweep = "caserouter_last_sweep_timestamp_seconds"
    case orgHeld = "caserouter_org_held"
    case watched = "caserouter_cic_watched"
    case requests = "caserouter_requests_today"
    case accounting = "caserouter_accounting_difference"
    case writeBackFailing = "caserouter_write_back_failing_rows"
    case apiUsed = "caserouter_api_calls_used"
    case apiLimit = "caserouter_api_calls_limit"
    case undecodable = "caserouter_undecodable_messages"
    case brokerAnswers = "caserouter_broker_up"
    case queueMessages = "caserouter_queue_messages"
    case queueConsumers = "caserouter_queue_consumers"
    case workers = "caserouter_workers_alive"
    case databaseAnswers = "caserouter_database_up"
}

extension Metric {
    public enum Kind: String, Sendable { case counter, gauge, histogram }

    public var kind: Kind {
        if self == .attempts { return .histogram }
        return rawValue.hasSuffix("_total") ? .counter : .gauge
    }

    /// One sentence, without a line break.
    public var help: String {
        switch self {
        case .processInfo: "Always 1; the labels say which process this is."
        case .cpu: "Seconds of CPU, user and system."
        case .memory: "Resident memory."
        case .virtualMemory: "Virtual memory."
        case .openFiles: "Open file descriptors."
        case .mostFiles: "File descriptors that may be open."
        case .started: "When the process began."
        case .databaseSessions: "Sessions with PostgreSQL that are open."
        case .databaseOpenings: "Sessions with PostgreSQL opened, the first ones included."
        case .batches: "Transactions in which work of many cases was sent together."
        case .batchRows: "Inputs of such transactions that were committed; divided by the transactions, their size."
        case .batchRepeats: "Parts of such transactions sent again because one input was refused."
        case .brokerUp: "Whether the connection to RabbitMQ is open."
        case .brokerBlocked: "Whether RabbitMQ has told this connection that it takes no messages now."
        case .brokerOpenings: "Connections to RabbitMQ opened, the first one included."
        case .leases: "Leases that this process holds, by what for."
        case .attempts: "From claim to outcome of an attempt, by how it ended."
        case .merges: "Requests merged into their cases."
        case .casesInFlight: "Cases in hand."
        case .casesInFlightLimit: "Cases that may be in hand."
        case .cicSession: "Whether the session with the CIC server is open."
        case .cicOpenings: "Sessions with the CIC server opened, the first one included."
        case .published: "Requests that RabbitMQ has confirmed."
        case .unconfirmed: "Requests being published that RabbitMQ has not confirmed."
        case .salesforceCalls: "Calls made to Salesforce, by what for."
        case .siteAsOf: "When the figures of the site were read from the database."
        case .findings: "Things that need a person, as caserouter status lists them."
        case .oldestWaiting: "Age of the case that waits longest for an agent; 0 when none waits."
        case .waiting: "Cases that wait for an agent."
        case .withAgents: "Cases that agents have."
        case .inHolding: "Interactions in the holding workgroup."
        case .oldestDue: "Age of the case that has been due longest for being brought to CIC; 0 when none is."
        case .due: "Cases due for being brought to CIC."
        case .failed: "Cases that failed and wait for a person, by cause."
        case .holds: "Holds in force, by what is held and why."
        case .gaps: "Gaps in the events of the org that no sweep has closed."
        case .oldestGap: "Age of the oldest open gap; 0 when none is open."
        case .lastEvent: "When the newest event of the org happened in Salesforce."
        case .lastSweep: "When the last sweep of the org was finished."
        case .orgHeld: "Whether a worker holds the org."
        case .watched: "Whether a worker watches the CIC server."
        case .requests: "Requests of the UTC day, by what became of them."
        case .accounting: "Requests that are in no column of the accounting; anything but 0 is a defect."
        case .writeBackFailing: "Outbox rows that Salesforce refuses to have marked."
        case .apiUsed: "API calls of the org used within 24 hours, as Salesforce counts."
        case .apiLimit: "API calls that the org has within 24 hours."
        case .undecodable: "Messages of the last day that could not be read."
        case .brokerAnswers: "Whether RabbitMQ answers this process."
        case .queueMessages: "Messages that wait in the queue."
        case .queueConsumers: "Consumers of the queue."
        case .workers: "Worker processes that gave a sign of life within 45 seconds, by role."
        case .databaseAnswers: "Whether the figures of the site could be read from the database."
        }
    }
}

/// One value of one metric.
public struct MetricSample: Sendable {
    public enum Value: Sendable {
        case number(Double)
        case histogram(Histogram)
    }

    public let metric: Metric
    public let labels: [(name: String, value: String)]
    public let value: Value

    public init(_ metric: Metric, _ labels: KeyValuePairs<String, String>, _ value: Double) {
        self.metric = metric
        self.labels = labels.map { ($0.key, $0.value) }
        self.value = .number(value)
    }

    public init(_ metric: Metric, _ labels: KeyValuePairs<String, String>, _ value: Histogram) {
        self.metric = metric
        self.labels = labels.map { ($0.key, $0.value) }
        self.value = .histogram(value)
    }

    public init(_ metric: Metric, _ labels: KeyValuePairs<String, String>, _ value: some BinaryInteger) {
        self.init(metric, labels, Double(value))
    }

    public init(_ metric: Metric, _ labels: KeyValuePairs<String, String>, _ value: Bool) {
        self.init(metric, labels, value ? 1.0 : 0.0)
    }

    public init(_ metric: Metric, _ value: Double) { self.init(metric, [:], value) }

    public init(_ metric: Metric, _ value: some BinaryInteger) { self.init(metric, [:], Double(value)) }

    public init(_ metric: Metric, _ value: Bool) { self.init(metric, [:], value) }
}
