import Foundation
import Hummingbird

/// Writing configuration, as far as published clients do it: what is written is shown again, but only a workgroup's
/// queue and members and a user's password change how the site behaves.
extension CICState {
    /// Properties of a workgroup that it keeps itself.
    private static let ofWorkgroup: Set<String> = [
        "hasQueue", "isActive", "queueType", "isAcdEmailRoutingActive", "members",
    ]

    /// `POST …/configuration/{kind}`, `PUT` and `DELETE …/{kind}/{id}`, `PUT …/users/{id}/password`.
    func writeConfiguration(_ request: CICRequest, _ path: [String]) throws(CICError) -> CICAnswer {
        guard let kind = path.first, CICDirectory.kinds.contains(kind) else { throw CICError.notFound }
        switch (request.method, path.count) {
        case (.post, 1):
            guard let id = try request.required("configurationId")["id"]?.string, !id.isEmpty else {
                throw CICError.missing("configurationId")
            }
            guard configurationID(kind, id) == nil else {
                throw CICError(400, "error.request.configuration.alreadyExists", "\(id) exists already.")
            }
            insert(kind, id)
            try keep(request, kind, id)
            announceConfiguration(kind, "added", id)
            let reference = Self.reference(kind, id)
            return CICAnswer(201, ["id": .string(id), "uri": reference["uri"] ?? ""])
        case (.put, 2):
            guard let id = configurationID(kind, path[1]) else { throw CICError.notFound }
            try keep(request, kind, id)
            announceConfiguration(kind, "changed", id)
            return .done
        case (.delete, 2):
            guard let id = configurationID(kind, path[1]) else { throw CICError.notFound }
            remove(kind, id)
            announceConfiguration(kind, "removed", id)
            return .done
        case (.put, 3) where kind == "users" && path[2] == "password":
            let password = try request.requiredString("password")
            guard let index = configuration.users.firstIndex(where: { $0.name.lowercased() == path[1].lowercased() })
            else { throw CICError.notFound }
            configuration.users[index].password = password
            return .done
        default: throw CICError.notFound
        }
    }

    /// The id as it is spelled, if there is such an item.
    private func configurationID(_ kind: String, _ id: String) -> String? {
        configurationIDs(kind).first { $0.lowercased() == id.lowercased() }
    }

    private func configurationIDs(_ kind: String) -> [String] {
        switch kind {
        case "workgroups": Array(workgroups.keys)
        case "skills": Array(skills)
        case "users": Array(userNames)
        default: Array(directory.items[kind] ?? [])
        }
    }

    private func insert(_ kind: String, _ id: String) {
        switch kind {
        case "workgroups": workgroups[id] = CICWorkgroup(name: id)
        case "skills": skills.insert(id)
        // Nobody can log in before a password was set.
        case "users": configuration.users.append(.init(name: id, password: UUID().uuidString))
        default: directory.items[kind, default: []].insert(id)
        }
    }

    private func remove(_ kind: String, _ id: String) {
        switch kind {
        case "workgroups": workgroups[id] = nil
        case "skills": skills.remove(id)
        case "users":
            configuration.users.removeAll { $0.name == id }
            removeAgent(id)
        default: directory.items[kind]?.remove(id)
        }
        directory.written["\(kind)/\(id)"] = nil
    }

    /// Takes over the properties of a body; null takes one away.
    private func keep(_ request: CICRequest, _ kind: String, _ id: String) throws(CICError) {
        var written = directory.written["\(kind)/\(id)"] ?? [:]
        for (key, value) in try request.object().members ?? [] where key != "configurationId" && key != "__type" {
            if kind == "workgroups", Self.ofWorkgroup.contains(key) {
                try set(key, value, of: id)
            } else {
                written[key] = value == .null ? nil : value
            }
        }
        directory.written["\(kind)/\(id)"] = written
    }

    private func set(_ key: String, _ value: CICJSON, of workgroup: String) throws(CICError) {
        guard value != .null else { return }
        switch (key, value.bool, value.int) {
        case ("hasQueue", let flag?, _): workgroups[workgroup]?.hasQueue = flag
        case ("isActive", let flag?, _): workgroups[workgroup]?.isActive = flag
        case ("isAcdEmailRoutingActive", let flag?, _): workgroups[workgroup]?.isAcdEmailRoutingActive = flag
        case ("queueType", _, let number?) where (0...5).contains(number): workgroups[workgroup]?.queueType = number
        case ("members", _, _):
            guard let members = value.array else { throw CICError.invalid(key) }
            workgroups[workgroup]?.members = members.compactMap { $0["id"]?.string }
        default: throw CICError.invalid(key)
        }
    }
}

/// Configuration that nothing but its clients knows of.
struct CICDirectory {
    /// What can be written.
    static let kinds: Set<String> = [
        "workgroups", "skills", "users", "roles", "stations", "skill-categories", "wrap-up-categories",
    ]

    /// Ids by kind, of the kinds that are lists of names only.
    var items: [String: Set<String>] = [
        "roles": ["Administrator", "Agent"], "stations": [], "skill-categories": [], "wrap-up-categories": [],
        "license-allocations": [],
    ]
    /// Written properties by kind and id, with a slash between.
    var written: [String: [String: CICJSON]] = [:]
}
