import CaseRouting
import Operations

/// The outbox, its events and what is read of cases: objects, fields and rights.
extension OrgInspection {
    mutating func lookAtOutbox() async {
        let (org, names) = (org, names)
        let described = await attempt(.salesforceOutbox) { () async throws(RoutingFailure) in
            try await org.describe(names.object)
        }
        guard let described else { return }
        guard let outbox = described else {
            return fail(.salesforceOutbox, "there is no object \(names.object), or the integration user may not see it")
        }
        ok(.salesforceOutbox, "\(names.object) is there")
        tellMissing(.salesforceOutboxFields, names.object, outbox, names.fields.values.sorted())
        let status = names.statusColumn
        if outbox.isUpdateable
            && outbox.fields.first(where: { $0.key.lowercased() == status.lowercased() })?.value == true
        {
            ok(.salesforceWriteBack, "\(status) of \(names.object) may be changed")
        } else {
            fail(.salesforceWriteBack, "the integration user may not change \(status) of \(names.object)")
        }
        if outbox.isCreateable && names.isPackage {
            warn(.salesforceRights, "it may create rows of \(names.object), which only triggers do")
        }
    }

    /// `nil` of what was asked and not answered has its line already.
    private mutating func tellMissing(
        _ check: DoctorCheck, _ object: String, _ described: DescribedObject, _ wanted: [String]
    ) {
        let missing = described.missing(wanted)
        guard !missing.isEmpty else { return ok(check, "\(object) has all \(wanted.count) fields that are read") }
        let named = missing.map { name in
            name + (SimilarName.find(name, in: described.fields.keys).map { " (did you mean \($0)?)" } ?? "")
        }
        fail(check, "\(object) lacks \(named.joined(separator: ", ")), or hides it from the integration user")
    }

    mutating func lookAtChannel() async {
        if names.isTopic { await lookAtTopic() } else { await lookAtEvent() }
        let org = org
        let isSubscribed = await attempt(.salesforceSubscription) { () async throws(RoutingFailure) in
            try await org.stream.subscribe(-1)
        }
        await org.stream.disconnect()
        guard let isSubscribed else { return }
        if isSubscribed {
            ok(.salesforceSubscription, "\(names.channel) was subscribed to, and left again")
        } else {
            fail(.salesforceSubscription, "\(names.channel) refuses a subscription from now on")
        }
    }

    private mutating func lookAtEvent() async {
        let (org, names) = (org, names)
        let event = String(names.channel.split(separator: "/").last ?? "")
        let described = await attempt(.salesforceEvent) { () async throws(RoutingFailure) in
            try await org.describe(event)
        }
        guard let described else { return }
        guard let object = described else {
            return fail(.salesforceEvent, "there is no event \(event), or the integration user may not see it")
        }
        let fields = names.fields.filter { $0.key != .status }.values.sorted()
        tellMissing(.salesforceEvent, event, object, [names.eventRow, names.eventRowCreated] + fields)
    }

    /// A sandbox refresh leaves topics behind, and one that does not select a field never tells it.
    private mutating func lookAtTopic() async {
        let (org, names) = (org, names)
        let topic = String(names.channel.split(separator: "/").last ?? "")
        let records = await attempt(.salesforceTopic) { () async throws(RoutingFailure) in
            try await org.texts(
                "SELECT Name, Query, IsActive FROM PushTopic WHERE Name = \(SOQL.text(topic))",
                ["Name", "Query", "IsActive"], "reading the PushTopic")
        }
        guard let records else { return }
        guard let record = records.first else { return fail(.salesforceTopic, "there is no PushTopic \(topic)") }
        guard record["IsActive"] == "true" else { return fail(.salesforceTopic, "PushTopic \(topic) is not active") }
        let query = (record["Query"] ?? "").lowercased()
        let selected = query.components(separatedBy: " from ").first ?? ""
        let words = Set(selected.split(whereSeparator: { $0 == " " || $0 == "," }).map(String.init))
        let missing = names.fields.filter { $0.key != .sequence }.values.filter { !words.contains($0.lowercased()) }
        guard missing.isEmpty else {
            return fail(
                .salesforceTopic, "PushTopic \(topic) does not select \(missing.sorted().joined(separator: ", "))")
        }
        ok(.salesforceTopic, "PushTopic \(topic) is active and selects what is read")
    }

    mutating func lookAtCases() async {
        let (org, names) = (org, names)
        let described = await attempt(.salesforceCase) { () async throws(RoutingFailure) in
            try await org.describe("Case")
        }
        if let described {
            guard let cases = described else {
                return fail(.salesforceCase, "the integration user may not see cases")
            }
            tellMissing(
                .salesforceCase, "Case", cases,
                ["Id", "CaseNumber", "OwnerId", "IsClosed", "Priority", "IsDeleted", "SystemModstamp"])
            if cases.isUpdateable || cases.isCreateable || cases.isDeletable {
                warn(.salesforceRights, "it may create, change or delete cases, which Case Router only reads")
            } else {
                ok(.salesforceRights, "it may only read cases")
            }
            if let field = names.caseSkills {
                tellMissing(.salesforceSkillsField, "Case", cases, [field])
            } else {
                ok(.salesforceSkillsField, "no skills field is set: cases require none of their own")
            }
        }
        await lookAt("CaseComment", .salesforceComments, isNeeded: true)
        await lookAt("EmailMessage", .salesforceEmail, isNeeded: false)
    }

    private mutating func lookAt(_ object: String, _ check: DoctorCheck, isNeeded: Bool) async {
        let org = org
        let described = await attempt(check) { () async throws(RoutingFailure) in try await org.describe(object) }
        guard let described else { return }
        let sentence = "\(object) is not there, or hidden from the integration user"
        if described != nil {
            ok(check, "\(object) may be read")
        } else if isNeeded {
            fail(check, sentence)
        } else {
            warn(check, "\(sentence): answers by e-mail are not seen")
        }
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        split(separator: separator, omittingEmptySubsequences: false).map(String.init)
    }
}
