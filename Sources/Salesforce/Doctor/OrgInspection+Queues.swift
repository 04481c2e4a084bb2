import CaseRouting
import Operations

/// Monitored queues, who is in them, and how cases come into them.
extension OrgInspection {
    /// - Returns: the queues that may own cases; nil when they cannot be read.
    mutating func lookAtQueues() async -> [SalesforceQueue]? {
        let org = org
        let all = await attempt(.salesforceQueue) { () async throws(RoutingFailure) in try await org.queues() }
        guard let all else { return nil }
        for view in queues {
            guard let queue = Self.find(view, in: all) else {
                let hint = SimilarName.find(view.queue, in: all.map(\.name)).map { "; did you mean \($0)?" } ?? ""
                fail(.salesforceQueue, "no queue \(view.queue.isEmpty ? "''" : view.queue) owns cases\(hint)")
                continue
            }
            let isNamed = queue.name == view.queue || queue.developerName == view.queue || queue.id.matches(view.queue)
            if isNamed {
                ok(.salesforceQueue, "\(queue.name) is \(queue.id)")
            } else {
                warn(
                    .salesforceQueue,
                    "\(view.queue) is called \(queue.name) now; it is still found by its id \(queue.id)",
                    "set the mapping's queue to \(queue.name)")
            }
            if let people = await members(of: queue.id) { examination.members[view.queue] = people }
        }
        return all
    }

    private static func find(_ view: MonitoredQueueView, in all: [SalesforceQueue]) -> SalesforceQueue? {
        if let id = view.queueID, let known = all.first(where: { $0.id == id }) { return known }
        return all.first { $0.name == view.queue || $0.developerName == view.queue || $0.id.matches(view.queue) }
    }

    /// What each direct member may be called elsewhere. Nil when it is hidden, or when groups are members: who is in those
    /// is not asked for.
    private func members(of queue: RecordID) async -> [Set<String>]? {
        let columns = ["Username", "Alias", "Name", "Email", "FederationIdentifier"]
        do throws(RoutingFailure) {
            let members = try await org.texts(
                "SELECT Id, UserOrGroupId FROM GroupMember WHERE GroupId = '\(queue)' ORDER BY Id LIMIT 2000",
                ["UserOrGroupId"], "reading members of queues"
            ).compactMap { RoutingRow.id($0["UserOrGroupId"]) }
            guard members.allSatisfy(\.isUser) else { return nil }
            var people: [Set<String>] = []
            for start in stride(from: 0, to: members.count, by: SOQL.idsPerQuery) {
                let chunk = members[start..<min(start + SOQL.idsPerQuery, members.count)]
                let users = try await org.texts(
                    "SELECT Id, \(columns.joined(separator: ", ")) FROM User WHERE IsActive = true AND Id IN "
                        + "\(SOQL.list(chunk)) ORDER BY Id", columns, "reading users")
                people += users.map { user in
                    Set(
                        user.values.flatMap { value -> [String] in
                            let text = value.lowercased()
                            return [text, text.split(separator: "@").first.map(String.init) ?? text]
                        })
                }
            }
            return people
        } catch {
            // Not needed for routing: whoever may not see users is told nothing of them.
            return nil
        }
    }

    /// Email-to-Case gives a case to whom the assignment rule says. What the rule says is no record that can be read, but
    /// where its cases went can be seen.
    mutating func lookAtAssignment(_ all: [SalesforceQueue]?) async {
        let org = org
        let rules = await attempt(.salesforceAssignment) { () async throws(RoutingFailure) in
            try await org.texts(
                "SELECT Id, Name FROM AssignmentRule WHERE SobjectType = 'Case' AND Active = true", ["Name"],
                "reading assignment rules")
        }
        guard let rules else { return }
        guard let rule = rules.first else {
            return warn(
                .salesforceAssignment,
                "no assignment rule of cases is active: cases from e-mail go to the default owner",
                "activate one in Setup that assigns to a monitored queue, if cases come by e-mail")
        }
        let name = rule["Name"] ?? ""
        guard let all, !queues.isEmpty else { return ok(.salesforceAssignment, "rule \(name) is active") }
        let cases = await attempt(.salesforceAssignment) { () async throws(RoutingFailure) in
            try await org.texts(
                "SELECT Id, OwnerId FROM Case WHERE Origin = 'Email' AND IsClosed = false ORDER BY CreatedDate DESC LIMIT 50",
                ["OwnerId"], "reading e-mail cases")
        }
        guard let cases else { return }
        let monitored = Set(queues.compactMap { Self.find($0, in: all)?.id })
        let owners = cases.compactMap { RoutingRow.id($0["OwnerId"]) }.filter(\.isQueue)
        let strangers = owners.filter { !monitored.contains($0) }
        guard strangers.count == owners.count, let stranger = strangers.first else {
            return ok(
                .salesforceAssignment,
                "rule \(name) is active" + (owners.isEmpty ? "" : ", and e-mail cases lie in monitored queues"))
        }
        let queue = all.first { $0.id == stranger }?.name ?? "\(stranger)"
        warn(
            .salesforceAssignment,
            "the newest \(owners.count) open e-mail cases lie in no monitored queue, the last one in \(queue)",
            "let rule \(name) assign to a monitored queue, or map this one: caserouter mappings add "
                + "\(org.settings.org) \(shellWord(queue)) CIC/WORKGROUP")
    }

    // MARK: Rows and events

    /// Younger cases may not be committed, or their rows not read yet.
    private static let settling: Duration = .seconds(120)
    /// Rows of older cases may have been deleted by the purge.
    private static let kept: Duration = .seconds(7 * 86_400)

    mutating func lookAtRows() async {
        let now = Timestamp(microseconds: SalesforceSession.now * 1_000_000)
        let (org, names) = (org, names)
        let cases = await attempt(.salesforceTriggers) { () async throws(RoutingFailure) in
            try await org.texts(
                "SELECT Id, CaseNumber FROM Case WHERE CreatedDate < \(SOQL.time(now - Self.settling)) AND "
                    + "CreatedDate > \(SOQL.time(now - Self.kept)) ORDER BY CreatedDate DESC LIMIT 1",
                ["Id", "CaseNumber"], "reading the newest case")
        }
        if let cases {
            if let newest = cases.first, let id = RoutingRow.id(newest["Id"]) {
                let column = names.fields[.caseID, default: ""]
                let rows = await attempt(.salesforceTriggers) { () async throws(RoutingFailure) in
                    try await org.texts(
                        "SELECT Id FROM \(names.object) WHERE \(column) = '\(id)' LIMIT 1", ["Id"],
                        "reading the newest case's row")
                }
                if let rows {
                    let number = newest["CaseNumber"] ?? "\(id)"
                    if rows.isEmpty {
                        warn(.salesforceTriggers, "the newest case, \(number), has no row: only sweeps find such cases")
                    } else {
                        ok(.salesforceTriggers, "the newest case, \(number), has its row")
                    }
                }
            } else {
                ok(.salesforceTriggers, "no case of the last days to judge by")
            }
        }
        tellArrivals()
    }

    /// So many rows in a row found by sweeps alone are no accident.
    private static let suspicious = 3

    private mutating func tellArrivals() {
        guard let arrivals else { return }
        if !arrivals.isHeld {
            warn(
                .salesforceDelivered, "no worker holds the org, so no event is taken",
                "start an ingest worker; where one runs, look at its log")
        } else if arrivals.byEvent == 0 && arrivals.bySweep >= Self.suspicious {
            warn(
                .salesforceDelivered,
                "the newest \(arrivals.bySweep) rows all came by a sweep: their events were not delivered")
        } else if arrivals.byEvent + arrivals.bySweep == 0 {
            ok(.salesforceDelivered, "no row of the last day to judge by")
        } else {
            ok(
                .salesforceDelivered,
                "of the newest \(arrivals.byEvent + arrivals.bySweep) rows \(arrivals.byEvent) came by event")
        }
    }
}

extension RecordID {
    /// Whether the text is this id, with 15 or 18 characters.
    fileprivate func matches(_ text: String) -> Bool {
        do throws(InvalidRecordID) {
            return try RecordID(text) == self
        } catch {
            return false
        }
    }
}
