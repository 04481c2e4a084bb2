import CPostgres

/// Where the database is and who logs in: a `postgresql://` URL or a libpq connection string.
///
/// It may name several hosts; then only one that takes writes is used. Its description leaves the password out.
public struct PostgresAddress: Equatable, Sendable, CustomStringConvertible {
    /// As given, with its password.
    let connectionString: String
    public let hosts: [String]
    public let ports: [String]
    public let user: String?
    public let database: String?
    /// `options` of the URL: they win over the settings.
    let options: String?
    let namesTargetSession: Bool

    /// - Throws: `.other` when libpq cannot read it. The text does not repeat the address.
    public init(_ connectionString: String) throws(PostgresError) {
        var message: UnsafeMutablePointer<CChar>?
        guard let list = PQconninfoParse(connectionString, &message) else {
            // The message quotes the part that was not understood, perhaps the password.
            PQfreemem(message)
            throw PostgresError(.other, "address", "is no postgresql:// URL and no connection string")
        }
        defer { PQconninfoFree(list) }
        var values: [String: String] = [:]
        var option = list
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        self.connectionString = connectionString
        hosts = Self.list(values["host"] ?? values["hostaddr"])
        ports = Self.list(values["port"])
        user = values["user"]
        database = values["dbname"]
        options = values["options"]
        namesTargetSession = values["target_session_attrs"] != nil
    }

    private static func list(_ value: String?) -> [String] {
        (value ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    public var description: String {
        let places = hosts.enumerated().map { index, host in
            // One port may stand for all hosts.
            let port = index < ports.count ? ports[index] : ports.last
            return port.map { "\(host):\($0)" } ?? host
        }
        return "\(user.map { "\($0)@" } ?? "")\(places.joined(separator: ","))/\(database ?? "")"
    }
}

/// What every session is given when it is opened.
public struct PostgresSettings: Sendable {
    /// Shown in `pg_stat_activity`.
    public var applicationName: String
    /// For one host, whole seconds, at least two.
    public var connectTimeout: Duration = .seconds(5)
    /// The server ends a statement that takes longer. Zero: never.
    public var statementTimeout: Duration = .seconds(5)
    /// The server ends a statement that waits longer for one lock. Zero: never.
    public var lockTimeout: Duration = .seconds(2)
    /// The server ends a session that leaves its transaction open without doing anything. Zero: never.
    public var idleInTransactionTimeout: Duration = .seconds(10)
    /// Bytes sent and not acknowledged by the other machine for so long end the connection.
    public var unacknowledgedTimeout: Duration = .seconds(10)
    /// A statement whose answer does not come for so long ends the connection: the machine there answers, its
    /// server does not. Nil: never.
    public var answerTimeout: Duration? = .seconds(20)
    /// A role that the session takes after its log-in.
    public var role: String?

    public init(applicationName: String) { self.applicationName = applicationName }

    /// For migrations: a statement may take any time, but may wait only so long for a lock, because everybody else
    /// waits behind it.
    public static func migration(applicationName: String) -> PostgresSettings {
        var settings = PostgresSettings(applicationName: applicationName)
        settings.statementTimeout = .zero
        settings.idleInTransactionTimeout = .seconds(60)
        settings.lockTimeout = .seconds(10)
        settings.answerTimeout = nil
        return settings
    }

    /// libpq's parameters. Later ones win over earlier ones and over the address.
    func parameters(for address: PostgresAddress) -> [(String, String)] {
        var parameters = [
            ("dbname", address.connectionString),
            ("application_name", applicationName),
            ("client_encoding", "UTF8"),
            ("connect_timeout", "\(max(2, connectTimeout.components.seconds))"),
            ("tcp_user_timeout", "\(unacknowledgedTimeout.milliseconds)"),
            ("keepalives", "1"),
            ("keepalives_idle", "10"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("options", sessionOptions(address)),
        ]
        if address.hosts.count > 1, !address.namesTargetSession {
            parameters.append(("target_session_attrs", "read-write"))
        }
        return parameters
    }

    private func sessionOptions(_ address: PostgresAddress) -> String {
        var options = [
            "-c statement_timeout=\(statementTimeout.milliseconds)",
            "-c lock_timeout=\(lockTimeout.milliseconds)",
            "-c idle_in_transaction_session_timeout=\(idleInTransactionTimeout.milliseconds)",
            // A plan made while a table is empty would stay while the table grows (drivers.md, pitfalls).
            "-c plan_cache_mode=force_custom_plan",
            "-c TimeZone=UTC",
        ]
        if let role { options.append("-c role=\(Self.escaped(role))") }
        if let own = address.options { options.append(own) }
        return options.joined(separator: " ")
    }

    /// In `options` a backslash protects blanks and backslashes.
    private static func escaped(_ value: String) -> String {
        value.reduce(into: "") { result, character in
            if character == " " || character == "\\" { result.append("\\") }
            result.append(character)
        }
    }
}

extension Duration {
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
