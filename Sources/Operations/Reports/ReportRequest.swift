import CaseRouting

/// One report, as somebody asks for it.
public struct ReportRequest: Sendable {
    public let report: Report
    public var from: Moment?
    /// Not included.
    public var to: Moment?
    /// A name of the database's: `Europe/Berlin`.
    public var zone = "UTC"
    /// By column; see `Report.filters`.
    public var filters: [String: String] = [:]
    /// Columns to group by, in order; nil: as the report does it by itself.
    public var by: [String]?
    public var limit = ReportRequest.usualLimit

    public static let usualLimit = 1_000
    /// More is a matter for a BI tool, or for psql.
    public static let largestLimit = 1_000_000

    public init(_ report: Report) { self.report = report }

    /// - Throws: `Refusal` where the report has not what is asked of it, with what it has.
    public func check() throws(Refusal) {
        for filter in filters.keys.sorted() where !report.filters.contains(filter) {
            let known = report.filters.map { "--\($0)" }
            throw Refusal(
                .usage,
                "report \(report.name) cannot be limited by --\(filter)"
                    + (known.isEmpty ? "" : "; it can by \(known.joined(separator: ", "))"))
        }
        guard (1...Self.largestLimit).contains(limit) else {
            throw Refusal(.usage, "--limit is a number from 1 to \(Self.largestLimit)")
        }
        if report.time == .now && (from != nil || to != nil) {
            throw Refusal(.usage, "report \(report.name) tells how it is now: it takes no --from and no --to")
        }
        guard let by else { return }
        guard case .groups(let keys, _, _) = report.columns else {
            throw Refusal(.usage, "report \(report.name) has one line per entry: it takes no --by")
        }
        let names = keys.map(\.name)
        for column in by where !names.contains(column) {
            throw Refusal(
                .usage,
                "report \(report.name) cannot be grouped by \(column.prefix(40)); it can by \(names.joined(separator: ", "))"
            )
        }
        guard !by.isEmpty && Set(by).count == by.count else {
            throw Refusal(.usage, "--by takes one or more different columns of \(names.joined(separator: ", "))")
        }
    }
}

/// What a report says.
public struct ReportTable: Sendable {
    public struct Column: Equatable, Sendable {
        public let name: String
        public let kind: Report.Column.Kind
        /// Whether the lines may be added up.
        public let isAdditive: Bool

        public init(name: String, kind: Report.Column.Kind, isAdditive: Bool) {
            self.name = name
            self.kind = kind
            self.isAdditive = isAdditive
        }
    }

    public struct Row: Sendable {
        /// The whole row as a JSON object.
        public let json: String
        /// In the order of the columns; times in ISO 8601 with the zone's offset; nil where there is nothing.
        public let cells: [String?]

        public init(json: String, cells: [String?]) {
            self.json = json
            self.cells = cells
        }
    }

    public let columns: [Column]
    public let rows: [Row]
    /// ISO 8601 with offset; nil: from the beginning. What was reported on, which may be a little more than asked for:
    /// views that count by the hour report on whole hours.
    public let from: String?
    public let to: String?
    /// When the database was asked.
    public let asOf: String
    public let zone: String
    /// Whether there is more than the limit let through.
    public let isCut: Bool

    public init(
        columns: [Column], rows: [Row], from: String?, to: String?, asOf: String, zone: String, isCut: Bool
    ) {
        self.columns = columns
        self.rows = rows
        self.from = from
        self.to = to
        self.asOf = asOf
        self.zone = zone
        self.isCut = isCut
    }
}

/// Reads reports.
public protocol ReportStore: Sendable {
    /// - Throws: `Refusal` for a zone or a period that there is none of; `RoutingFailure` of kind `configuration`
    ///   when the log-in may not read reports, else of kind `own`.
    func read(_ request: ReportRequest) async throws -> ReportTable
}
