/// A report that people print: what it tells, the view of schema `report` that it reads, and how that is summed up.
///
/// Most views are finer than what a person wants to read: by hour, workgroup and more. A report groups them by some of
/// their columns and gives the measures of each group, so that one view answers for a day, a workgroup or a skill.
public struct Report: Sendable {
    /// As it is typed: `api-calls`.
    public let name: String
    public let summary: String
    /// In schema `report`.
    public let view: String
    public let time: Time
    public let columns: Columns
    /// SQL over the report's own columns.
    public let order: String
    /// What is reported when nobody says since when; false: the last seven days.
    public var coversEverything = false
    /// What it rests on, if retention drops the days of that: `requests` or `attempts`.
    public var ledger: String?

    /// Which times of the view a period means.
    public enum Time: Equatable, Sendable {
        /// The view has `day`, its partition key, and `hour`; a period is whole hours.
        case hours
        /// A column with a time.
        case moments(String)
        /// How it is now: no period.
        case now
    }

    public enum Columns: Sendable {
        /// One line per row of the view.
        case rows([Column])
        case groups(keys: [Column], by: [String], measures: [Measure])
    }

    public struct Column: Equatable, Sendable {
        public enum Kind: Sendable { case text, number, time, day, flag }

        public let name: String
        public let kind: Kind

        public init(_ name: String, _ kind: Kind = .text) {
            self.name = name
            self.kind = kind
        }
    }

    public struct Measure: Sendable {
        public let name: String
        /// An aggregate over the view's rows.
        public let sql: String
        /// Whether the lines of a report can be added up.
        public let isAdditive: Bool

        static func sum(_ name: String) -> Measure {
            Measure(name: name, sql: "sum(\(name))::int8", isAdditive: true)
        }

        static func figure(_ name: String, _ sql: String) -> Measure {
            Measure(name: name, sql: sql, isAdditive: false)
        }
    }
}

extension Report {
    /// The columns that it can be grouped by, or all of those it has.
    public var keys: [Column] {
        switch columns {
        case .rows(let columns): columns
        case .groups(let keys, _, _): keys
        }
    }

    /// What the filters of every command mean here: a filter works where the view has the column.
    public static let filters = ["org", "cic", "workgroup", "cause"]

    public var filters: [String] { Self.filters.filter { filter in keys.contains { $0.name == filter } } }

    /// - Throws: `Refusal`, which names all there are.
    public static func named(_ name: String) throws(Refusal) -> Report {
        guard let report = all.first(where: { $0.name == name }) else {
            throw Refusal.unknown("report", name, among: all.map(\.name))
        }
        return report
    }
}
