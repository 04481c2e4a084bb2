import CaseRouting

/// Mappings made of the rows of an older connector's table, as ingest has read it in Salesforce.
public struct LegacyImport: Equatable, Sendable {
    public var mappings: [MappingSetup] = []
    /// Rows that were passed over and why, and how old the knowledge is.
    public var notes: [String] = []

    /// Makes the mappings. A queue that is mapped already keeps everything that such a table does not tell.
    ///
    /// - Parameter cic: the server of the workgroups, which the table does not name; nil where the site has one only.
    /// - Throws: `Refusal` when nobody has read a table of this org, or the server has to be said; `SettingError` when two
    ///   rows send one queue to different places: which of them counted is not known here.
    public init(
        _ mirror: LegacyMappingMirror?, org: String, cic: String?, stored: StoredConfiguration
    ) throws {
        let setup = try stored.org(org)
        guard let mirror else {
            guard setup.source["mapping-object"] != nil else {
                throw Refusal(
                    .usage,
                    "org \(org) names no table of mappings; say what it is called there: caserouter orgs set \(org) "
                        + "source.mapping-object=NAME source.mapping-queue=FIELD source.mapping-workgroup=FIELD "
                        + "source.mapping-skills=FIELD")
            }
            throw Refusal(
                .notDone,
                "nobody has read a row of \(setup.source["mapping-object"] ?? "") in org \(org) yet: an ingest worker does so "
                    + "when it starts and every hour; whether one runs, and what keeps it from reading: caserouter status"
            )
        }
        let server = try Self.server(cic, stored)
        notes.append("read in Salesforce \(CaseStory.span(mirror.age)) ago, \(mirror.rows.count) rows")
        for row in mirror.rows {
            let (queue, workgroup) = (Self.queue(row.queue), Self.trimmed(row.workgroup))
            guard !queue.isEmpty, !workgroup.isEmpty else {
                notes.append("row \(row.row) has no \(queue.isEmpty ? "queue" : "workgroup") and was passed over")
                continue
            }
            let known = stored.mapping(org: org, queue: queue)?.setup
            var mapping = known ?? MappingSetup(org: org, queue: queue, cic: server, workgroup: workgroup)
            mapping.workgroup = workgroup
            // Moved to another server only by who says so.
            if cic != nil { mapping.cic = server }
            mapping.skills = row.skills.split(separator: ";").map(Self.trimmed).filter { !$0.isEmpty }
            if let other = mappings.first(where: { $0.queue == mapping.queue }) {
                guard other == mapping else {
                    throw SettingError(
                        "queue \(queue)",
                        "stands twice in the table of org \(org), with different workgroups or skills; remove one of the "
                            + "rows in Salesforce")
                }
                continue
            }
            mappings.append(mapping)
        }
    }

    private static func server(_ name: String?, _ stored: StoredConfiguration) throws -> String {
        if let name { return try stored.server(name).name }
        guard let only = stored.servers.first, stored.servers.count == 1 else {
            let known = stored.servers.map(\.name).sorted().joined(separator: ", ")
            throw Refusal(
                .usage,
                known.isEmpty
                    ? "there is no CIC server yet; first: caserouter cic add"
                    : "the table names no CIC server: say which the workgroups are on with --cic; there are: \(known)")
        }
        return only.name
    }

    /// Ids of 15 characters become those of 18, by which mappings know their queues.
    private static func queue(_ text: String) -> String {
        let name = trimmed(text)
        guard name.hasPrefix("00G") else { return name }
        do throws(InvalidRecordID) {
            return try RecordID(name).description
        } catch {
            return name
        }
    }

    /// People typed it.
    private static func trimmed(_ text: some StringProtocol) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
