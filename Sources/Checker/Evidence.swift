import Foundation

/// What a run left behind, and what it was allowed to do. Files of the simulators are needed; everything else widens what is
/// judged, as `docs/guarantees.md` lists.
public struct Evidence: Sendable {
    /// What the faults of a run entitle it to.
    public struct Allowances: Codable, Sendable, Equatable {
        /// What happened within so long before the database was read need not be in it yet; seconds.
        public var settling: Double
        /// When the database lost committed rows, as in a failover to a standby that lags: rows of before the last of these
        /// instants may be missing. Microseconds since 1970, in order.
        public var rowsLost: [Int64]
        /// Messages were removed from the queue of requests by a person: a request that nobody has merged proves nothing.
        public var purged: Bool

        public init(settling: Double = 15, rowsLost: [Int64] = [], purged: Bool = false) {
            self.settling = settling
            self.rowsLost = rowsLost
            self.purged = purged
        }
    }

    /// A text that nobody may find where it does not belong.
    public struct Secret: Codable, Sendable, Equatable {
        /// What findings call it; the value itself is never repeated.
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    public var site: Site
    /// Ledger files of Salesforce simulators, each with orgs of its own.
    public var salesforce: [String]
    /// Ledger files of CIC simulators; their lines are merged by their time, for a case may be on two servers.
    public var cic: [String]
    /// What `DatabaseQuery.text` printed: one JSON object per line, read once everything was at rest.
    public var database: String?
    /// The queues at the end, one JSON object per line: `{"queue":"caserouter.requests","messages":0}`. A line
    /// `{"poison":"…"}` names the beginning of a message that nobody can read and that was sent to the queue of requests.
    public var queues: String?
    public var secrets: [Secret]
    /// Files and folders in which no secret may stand.
    public var searched: [String]
    public var allowances: Allowances

    public init(
        site: Site, salesforce: [String], cic: [String], database: String? = nil, queues: String? = nil,
        secrets: [Secret] = [], searched: [String] = [], allowances: Allowances = Allowances()
    ) {
        self.site = site
        self.salesforce = salesforce
        self.cic = cic
        self.database = database
        self.queues = queues
        self.secrets = secrets
        self.searched = searched
        self.allowances = allowances
    }
}

extension Evidence {
    /// Names of the files in a run's directory.
    public enum File {
        public static let site = "checker-site.json"
        public static let salesforce = "salesforce.ndjson"
        public static let database = "database.ndjson"
        public static let queues = "queues.ndjson"
        public static let secrets = "checker-secrets.json"
        public static let allowances = "checker-allowances.json"

        public static func cic(_ server: String) -> String { server + ".ndjson" }
    }

    /// What lies in a run's directory: the site and the ledgers of its simulators must be there, the rest may.
    ///
    /// - Throws: when the site's description is missing, or a description cannot be read.
    public init(run directory: String) throws {
        func path(_ name: String) -> String { directory + "/" + name }
        func there(_ name: String) -> String? {
            FileManager.default.fileExists(atPath: path(name)) ? path(name) : nil
        }
        func read<Value: Decodable>(_ type: Value.Type, _ path: String) throws -> Value {
            try JSONDecoder().decode(type, from: Data(contentsOf: URL(fileURLWithPath: path)))
        }
        let site = try read(Site.self, path(File.site))
        let secrets = try there(File.secrets).map { try read([Secret].self, $0) } ?? []
        // What processes said, and what the database holds.
        let searched =
            try secrets.isEmpty
            ? []
            : FileManager.default.contentsOfDirectory(atPath: directory)
                .filter { $0.hasSuffix(".log") || $0 == File.database }.sorted()
        self.init(
            site: site, salesforce: [path(File.salesforce)], cic: site.holding.keys.sorted().map { path(File.cic($0)) },
            database: there(File.database), queues: there(File.queues), secrets: secrets, searched: searched.map(path),
            allowances: try there(File.allowances).map { try read(Allowances.self, $0) } ?? Allowances())
    }
}
