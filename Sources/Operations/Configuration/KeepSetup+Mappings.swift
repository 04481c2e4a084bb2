import CaseRouting

extension KeepSetup {
    /// - Parameters:
    ///   - queue: name or id of the Salesforce queue, or id of the user.
    ///   - place: `CIC/WORKGROUP`, or `CIC/user:NAME`.
    ///   - words: FIELD=VALUE for the rest.
    public func addMapping(
        org: String, queue: String, place: String, _ words: [String], by author: Author
    ) async throws -> Done {
        let parts = place.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
            throw Refusal(.usage, "\(place.quoted) is no CIC/WORKGROUP")
        }
        return try await edit("mappings add", by: author) { stored in
            if let there = stored.mapping(org: org, queue: queue) {
                throw Refusal(
                    .notDone,
                    "queue \(queue.quoted) of \(org) has mapping \(there.id) already (\(there.setup.cic)/"
                        + "\(there.setup.workgroup)); change it: caserouter mappings set \(there.id) FIELD=VALUE")
            }
            let node = SettingNode.section([
                ("org", .text(org)), ("queue", .text(queue)), ("cic", .text(parts[0])), ("workgroup", .text(parts[1])),
            ])
            return try await mapping(nil, node, words, before: nil, stored)
        }
    }

    public func setMapping(_ id: Int32, _ words: [String], by author: Author) async throws -> Done {
        try await edit("mappings set", by: author) { stored in
            let mapping = try stored.mapping(id)
            return try await self.mapping(id, mapping.setup.node, words, before: mapping.setup.node, stored)
        }
    }

    public func removeMapping(_ id: Int32, by author: Author) async throws -> Done {
        try await edit("mappings remove", by: author) { stored in
            let mapping = try stored.mapping(id)
            return ([ConfigurationEdit(.removeMapping(id, mapping.setup), before: mapping.setup.node)], [])
        }
    }

    private func mapping(
        _ id: Int32?, _ node: SettingNode, _ words: [String], before: SettingNode?, _ stored: StoredConfiguration
    ) async throws -> (edits: [ConfigurationEdit], notes: [String]) {
        let node = try words.reduce(node) { node, word throws(Refusal) in try node.setting(word) }
        let mapping = try MappingSetup(node, "")
        if let other = stored.mapping(org: mapping.org, queue: mapping.queue), other.id != id {
            throw Refusal(.notDone, "queue \(mapping.queue.quoted) of \(mapping.org) has mapping \(other.id) already")
        }
        try mapping.check(orgs: Set(stored.orgs.map(\.name)), servers: stored.servers, at: "")
        var notes: [String] = []
        if let names {
            var check = NameCheck(names: names, servers: stored.servers, aliases: stored.aliases)
            try await check.check(mapping, at: "")
            notes = check.notes
        }
        if mapping.userID != nil, try stored.org(mapping.org).contactOnUserOwned != .ownQueue {
            notes.append(
                "it counts only while org \(mapping.org) offers what comes in to the owners of cases: caserouter orgs set "
                    + "\(mapping.org) contact_on_user_owned=own-queue")
        }
        return ([ConfigurationEdit(.mapping(id, mapping), before: before)], notes)
    }
}
