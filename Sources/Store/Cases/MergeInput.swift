import CaseRouting
import Postgres

extension MergeStatement.Input {
    func append(to row: inout BatchRow) {
        let change = merge.change, before = merge.before, decision = merge.decision, after = decision.after
        row.append(change.org)
        row.append(change.caseID.description)

        let isKnown = before.isKnown
        row.append(isKnown ? before.revision : nil)
        append(before.fences, to: &row)
        row.append(before.facts?.owner.description)
        row.append(before.facts?.isClosed ?? false)
        row.append(before.facts?.skills ?? "")

        append(after.fences, to: &row)
        row.append(after.facts?.owner.description)
        row.append(after.facts?.caseNumber ?? change.caseNumber)
        row.append(after.facts?.isClosed ?? false)
        row.append(after.facts?.skills ?? "")
        row.append(after.facts?.priority ?? "")
        row.append(microseconds: after.observedAt?.microseconds)
        row.append(after.wanted?.cic)
        row.append(after.wanted?.workgroup)
        row.append(after.wanted?.skills ?? "")
        row.append(after.wanted?.mapping)
        row.append(after.wantedAssign)
        row.append(after.sparesAgent)
        row.append(after.lastWanted?.cic)
        row.append(after.lastWanted?.workgroup)
        row.append(after.lastWanted?.mapping)

        row.append(decision.raisesRevision)
        row.append(decision.raisesRevision || decision.needsVerification || after != before)
        row.append(merge.claims)
        row.append(decision.needsVerification)
        row.append(decision.raisesRevision && !change.kind.isOccurrence)
        row.append(uuid: merge.attempt?.bits)
        appendRequest(to: &row)
    }

    private func append(_ fences: Fences, to row: inout BatchRow) {
        row.append(fences.epoch)
        row.append(fences.state)
        row.append(fences.arrival)
        row.append(fences.contact)
        row.append(fences.reply)
    }

    private func appendRequest(to row: inout BatchRow) {
        let change = merge.change, decision = merge.decision, after = decision.after
        row.append(change.occurredAt.day)
        row.append(change.key)
        row.append(change.version)
        row.append(change.versionEpoch)
        row.append(change.kind.rawValue)
        row.append(bytes: body)
        row.append(change.row?.description)
        row.append(change.key.utf8.starts(with: "s:".utf8) ? "sweep" : "stream")
        row.append(microseconds: change.occurredAt.microseconds)
        row.append(decision.outcome == .pending ? nil : decision.outcome.rawValue)
        row.append(decision.rule.rawValue)
        row.append(json: DecisionInputs.json(change, merge.before, becomes: after.wanted))
        row.append(decision.mapping?.id)
        row.append(decision.mapping?.version)
    }
}

extension CaseState {
    /// Whether it is of a row: a case that a message failed before it could be read has no facts, but a revision.
    var isKnown: Bool { facts != nil || revision > 0 }
}
