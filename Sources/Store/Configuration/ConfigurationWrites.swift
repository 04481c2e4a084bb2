import CaseRouting
import JSON
import Operations
import Postgres

extension PostgresConfigurationStore {
    static func save(
        _ change: ConfigurationChange, _ author: Author, _ transaction: PostgresTransaction
    ) async throws(PostgresError) {
        switch change {
        case .org(let org): try await save(org, transaction)
        case .server(let server): try await save(server, transaction)
        case .mapping(let id, let mapping): try await save(id, mapping, author, transaction)
        case .alias(let alias):
            _ = try await transaction.query(
                """
                INSERT INTO caserouter.aliases (cic, kind, name, means) VALUES ($1, $2, $3, $4)
                ON CONFLICT (cic, kind, name) DO UPDATE SET means = excluded.means
                """, [.text(alias.cic), .text(alias.kind.rawValue), .text(alias.name), .text(alias.means)])
        case .setting(let name, let value?):
            // Numbers all of them: see KnownSetting.
            _ = try await transaction.query(
                """
                INSERT INTO caserouter.settings (name, value) VALUES ($1, to_jsonb($2::float8))
                ON CONFLICT (name) DO UPDATE SET value = excluded.value
                """, [.text(name), .float8(Double(value) ?? 0)])
        case .setting(let name, nil):
            _ = try await transaction.query("DELETE FROM caserouter.settings WHERE name = $1", [.text(name)])
        case .removeOrg(let name):
            _ = try await transaction.query(
                "UPDATE caserouter.orgs SET removed_at = now() WHERE name = $1", [.text(name)])
        case .removeServer(let name):
            _ = try await transaction.query(
                "UPDATE caserouter.cic_servers SET removed_at = now() WHERE name = $1", [.text(name)])
        case .removeMapping(let id, _): try await replace(mapping: id, transaction)
        }
    }

    /// The newest version of a mapping counts no longer; decisions go on to name it.
    private static func replace(mapping id: Int32, _ transaction: PostgresTransaction) async throws(PostgresError) {
        _ = try await transaction.query(
            "UPDATE caserouter.mappings SET newest = false, replaced_at = now() WHERE id = $1 AND newest", [.int4(id)])
    }

    private static func save(_ org: OrgSetup, _ transaction: PostgresTransaction) async throws(PostgresError) {
        _ = try await transaction.query(
            """
            INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, api_version, mode, routes_changes_since,
                contact_on_user_owned, version_epoch, sweep_every, source)
            VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9, make_interval(secs => $10), $11)
            ON CONFLICT (name) DO UPDATE SET organization_id = excluded.organization_id, login_url = excluded.login_url,
                flow = excluded.flow, api_version = excluded.api_version, mode = excluded.mode,
                routes_changes_since = excluded.routes_changes_since,
                contact_on_user_owned = excluded.contact_on_user_owned, version_epoch = excluded.version_epoch,
                sweep_every = excluded.sweep_every, source = excluded.source, removed_at = NULL
            """,
            [
                .text(org.name), .text(org.organizationID.description), .text(org.loginURL), .text(org.flow.rawValue),
                .text(org.apiVersion), .text(org.mode.rawValue),
                org.routesChangesSince.map { .timestamptz($0.microseconds) } ?? .null,
                .text(org.contactOnUserOwned.rawValue), .int4(org.versionEpoch),
                .float8(Double(org.sweepEvery.components.seconds)), .jsonb(json(org.source)),
            ])
        guard org.mode == .live else { return }
        // What was decided while observing is marked now; nothing is routed for it, a sweep offers what still waits.
        _ = try await transaction.query(
            """
            UPDATE caserouter.requests SET write_back = 'due', write_back_at = now()
            WHERE org = $1 AND write_back = 'observed'
            """, [.text(org.name)])
        // What is in CIC, or on its way there, from before the org observed, and should no longer be: it is read again,
        // and the observation withdraws it.
        _ = try await transaction.query(
            """
            UPDATE caserouter.cases c SET verify_at = now()
            FROM (
                SELECT e.case_id FROM caserouter.episodes e WHERE e.org = $1 AND e.ended_at IS NULL
                UNION SELECT d.case_id FROM caserouter.cases d
                WHERE d.org = $1 AND d.applied_revision < d.revision AND d.attempts < 8) a
            WHERE c.org = $1 AND c.case_id = a.case_id AND c.want_cic IS NOT NULL AND (
                c.closed OR starts_with(c.owner, '00G') AND NOT EXISTS (
                    SELECT FROM caserouter.mappings m
                    WHERE m.newest AND m.enabled AND m.org = c.org AND m.queue_id = c.owner))
            """, [.text(org.name)])
    }

    private static func save(_ server: CICServerSetup, _ transaction: PostgresTransaction) async throws(PostgresError) {
        _ = try await transaction.query(
            """
            INSERT INTO caserouter.cic_servers (name, hosts, tls, creation, holding, messaging, recovery_wait, attributes,
                visible_name)
            VALUES ($1, $2, $3, $4, $5, $6, make_interval(secs => $7), $8, $9)
            ON CONFLICT (name) DO UPDATE SET hosts = excluded.hosts, tls = excluded.tls, creation = excluded.creation,
                holding = excluded.holding, messaging = excluded.messaging, recovery_wait = excluded.recovery_wait,
                attributes = excluded.attributes, visible_name = excluded.visible_name, removed_at = NULL
            """,
            [
                .text(server.name), .textArray(server.hosts), .bool(server.tls), .text(server.creation.rawValue),
                .text(server.holding), .text(server.messaging.rawValue),
                .float8(Double(server.recoveryWait.components.seconds)), .jsonb(json(server.attributes)),
                .text(server.visibleName),
            ])
    }

    /// A new version of a mapping; older ones stay for the decisions that name them. The queue is found by its id, or
    /// by its name in the mirror that ingest keeps; else later, when ingest has seen it.
    private static func save(
        _ id: Int32?, _ mapping: MappingSetup, _ author: Author, _ transaction: PostgresTransaction
    ) async throws(PostgresError) {
        var values: [PostgresValue] = [
            .text(mapping.org), .text(mapping.queue), .text(mapping.cic), .text(mapping.workgroup),
            .text(mapping.skills.joined(separator: ";")), .bool(mapping.takesSkills), .text(mapping.onReply.rawValue),
            .text(mapping.onUnmonitoredQueue.rawValue), .text(mapping.onUserOwner.rawValue), .bool(mapping.isEnabled),
            .text(author.name), id.map { .int4($0) } ?? .null,
        ]
        let asID: RecordID?
        do throws(InvalidRecordID) {
            let id = try RecordID(mapping.queue)
            // A name may have fifteen letters.
            asID = id.isQueue || id.isUser ? id : nil
        } catch {
            asID = nil  // A name.
        }
        values.append(asID.map { .text($0.description) } ?? .null)
        if let id { try await replace(mapping: id, transaction) }
        _ = try await transaction.query(
            """
            INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, skills, takes_skills,
                on_reply, on_unmonitored, on_user_owner, enabled, changed_by)
            SELECT coalesce($12::int, nextval('caserouter.mapping_ids')::int),
                coalesce((SELECT max(version) FROM caserouter.mappings WHERE id = $12::int), 0) + 1,
                $1, coalesce($13, (SELECT queue_id FROM caserouter.salesforce_queues WHERE org = $1 AND $2 IN (name, developer_name)
                    ORDER BY name = $2 DESC, queue_id LIMIT 1)),
                $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
            """, values)
    }

    private static func json(_ dictionary: [String: String]) -> String {
        let bytes = JSONWriter.object { object in
            for name in dictionary.keys.sorted() { object.write(name, dictionary[name] ?? "") }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
