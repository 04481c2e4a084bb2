import CaseRouting
import JSON
import Operations
import Postgres

extension PostgresConfigurationStore {
    static func orgs(_ database: PostgresDatabase) async throws(PostgresError) -> [OrgSetup] {
        let rows = try await database.query(
            """
            SELECT name, organization_id, login_url, flow, api_version, mode, routes_changes_since,
                contact_on_user_owned, version_epoch, extract(epoch FROM sweep_every)::bigint, source
            FROM caserouter.orgs WHERE removed_at IS NULL ORDER BY name
            """)
        var orgs: [OrgSetup] = []
        for row in rows {
            var org = OrgSetup(
                name: try row.text(0), organizationID: try recordID(row, 1), loginURL: try row.text(2))
            org.flow = try choice(row, 3)
            org.apiVersion = try row.text(4)
            org.mode = try choice(row, 5)
            org.routesChangesSince = Timestamp(microseconds: try row.microseconds(6))
            org.contactOnUserOwned = try choice(row, 7)
            org.versionEpoch = try row.int32(8)
            org.sweepEvery = .seconds(try row.int64(9))
            org.source = try dictionary(row, 10)
            orgs.append(org)
        }
        return orgs
    }

    static func servers(_ database: PostgresDatabase) async throws(PostgresError) -> [CICServerSetup] {
        let rows = try await database.query(
            """
            SELECT name, hosts, tls, creation, holding, messaging, extract(epoch FROM recovery_wait)::bigint, attributes,
                visible_name
            FROM caserouter.cic_servers WHERE removed_at IS NULL ORDER BY name
            """)
        var servers: [CICServerSetup] = []
        for row in rows {
            var server = CICServerSetup(name: try row.text(0), hosts: try row.textArray(1), holding: try row.text(4))
            server.tls = try row.bool(2)
            server.creation = try choice(row, 3)
            server.messaging = try choice(row, 5)
            server.recoveryWait = .seconds(try row.int64(6))
            server.attributes = try dictionary(row, 7)
            server.visibleName = try row.text(8)
            servers.append(server)
        }
        return servers
    }

    static func mappings(_ database: PostgresDatabase) async throws(PostgresError) -> [StoredMapping] {
        let rows = try await database.query(
            """
            SELECT id, version, org, queue_id, queue_name, cic, workgroup, skills, takes_skills, on_reply,
                on_unmonitored, on_user_owner, enabled
            FROM caserouter.mappings WHERE newest ORDER BY id
            """)
        return try rows.map { row throws(PostgresError) in try mapping(row, at: 0) }
    }

    /// Reads `id` to `enabled` as above.
    static func mapping(_ row: PostgresRow, at start: Int) throws(PostgresError) -> StoredMapping {
        var setup = MappingSetup(
            org: try row.text(start + 2), queue: try row.text(start + 4), cic: try row.text(start + 5),
            workgroup: try row.text(start + 6))
        setup.skills = try row.text(start + 7).split(separator: ";").map(String.init)
        setup.takesSkills = try row.bool(start + 8)
        setup.onReply = try choice(row, start + 9)
        setup.onUnmonitoredQueue = try choice(row, start + 10)
        setup.onUserOwner = try choice(row, start + 11)
        setup.isEnabled = try row.bool(start + 12)
        return StoredMapping(
            id: try row.int32(start), version: try row.int32(start + 1),
            queueID: row.isNull(start + 3) ? nil : try recordID(row, start + 3), setup: setup)
    }

    static func aliases(_ database: PostgresDatabase) async throws(PostgresError) -> [AliasSetup] {
        var aliases: [AliasSetup] = []
        for row in try await database.query(
            "SELECT cic, kind, name, means FROM caserouter.aliases ORDER BY cic, kind, name")
        {
            aliases.append(
                AliasSetup(
                    cic: try row.text(0), kind: try choice(row, 1), name: try row.text(2), means: try row.text(3)))
        }
        return aliases
    }

    static func settings(_ database: PostgresDatabase) async throws(PostgresError) -> [String: String] {
        var settings: [String: String] = [:]
        for row in try await database.query("SELECT name, value #>> '{}' FROM caserouter.settings") {
            settings[try row.text(0)] = try row.optionalText(1) ?? ""
        }
        return settings
    }

    /// Where interactions are open, and where mappings sent cases until a day ago: a worker may have been about to place
    /// one there. Their ends have to be seen although no mapping names the workgroup any more.
    static func formerWorkgroups(_ database: PostgresDatabase) async throws(PostgresError) -> [String: Set<String>] {
        var workgroups: [String: Set<String>] = [:]
        for row in try await database.query(
            """
            SELECT DISTINCT e.cic, e.workgroup FROM caserouter.episodes e
            WHERE e.ended_at IS NULL AND e.interaction_id IS NOT NULL AND e.workgroup IS NOT NULL
            UNION
            SELECT m.cic, m.workgroup FROM caserouter.mappings m
            WHERE m.replaced_at > now() - interval '1 day'
            """)
        {
            workgroups[try row.text(0), default: []].insert(try row.text(1))
        }
        return workgroups
    }

    // MARK: Columns

    private static func recordID(_ row: PostgresRow, _ column: Int) throws(PostgresError) -> RecordID {
        let text = try row.text(column)
        do throws(InvalidRecordID) {
            return try RecordID(text)
        } catch {
            throw PostgresError(.decoding, "read configuration", "column \(column): \(error)")
        }
    }

    private static func choice<Choice: RawRepresentable>(
        _ row: PostgresRow, _ column: Int
    ) throws(PostgresError) -> Choice where Choice.RawValue == String {
        guard let choice = Choice(rawValue: try row.text(column)) else {
            throw PostgresError(
                .decoding, "read configuration", "column \(column) holds a value that this version does not know")
        }
        return choice
    }

    private static func dictionary(_ row: PostgresRow, _ column: Int) throws(PostgresError) -> [String: String] {
        let text = try row.json(column)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: Array(text.utf8))
        } catch {
            throw PostgresError(.decoding, "read configuration", "column \(column): \(error)")
        }
        return Dictionary(
            (value.object ?? JSONObject()).compactMap { member in member.value.string.map { (member.name, $0) } },
            uniquingKeysWith: { first, _ in first })
    }
}
