import CaseRouting
import Postgres

/// The columns of a case and of its open episode, as every statement that returns a whole case lists them.
///
/// The skills of the wish before the last are not stored: nothing decides by them.
enum CaseColumns {
    /// Of `cases c` and `episodes e`, left joined: the open one.
    static let list = """
        c.revision, c.applied_revision, c.version_epoch, c.state_fence, c.arrival_fence, c.contact_fence, c.reply_fence,
        c.owner, c.case_number, c.closed, c.skills, c.priority, c.observed_at,
        c.want_cic, c.want_workgroup, c.want_skills, c.want_mapping, c.want_assign, c.spares_agent,
        c.last_cic, c.last_workgroup, c.last_mapping, c.episode, c.attempts, c.failure_number,
        e.number, e.cic, e.state, e.interaction_id, e.attempt_id, e.attempt_deadline, e.workgroup, e.skills,
        e.assign_number, e.with_agent
        """
    static let count = 35

    /// - Parameter start: the column of `c.revision`.
    static func decode(_ row: PostgresRow, at start: Int) throws(PostgresError) -> CaseState {
        var state = CaseState()
        state.revision = try row.int64(start)
        state.appliedRevision = try row.int64(start + 1)
        state.fences.epoch = try row.int32(start + 2)
        state.fences.state = try row.int64(start + 3)
        state.fences.arrival = try row.int64(start + 4)
        state.fences.contact = try row.int64(start + 5)
        state.fences.reply = try row.int64(start + 6)
        if !row.isNull(start + 7) {
            state.facts = CaseFacts(
                caseNumber: try row.text(start + 8), owner: try row.recordID(start + 7),
                isClosed: try row.bool(start + 9), skills: try row.text(start + 10),
                priority: try row.text(start + 11))
        }
        state.observedAt = try row.optionalTimestamp(start + 12)
        state.wanted = try wanted(row, cic: start + 13, skills: try row.text(start + 15), mapping: start + 16)
        state.wantedAssign = try row.int64(start + 17)
        state.sparesAgent = try row.bool(start + 18)
        state.lastWanted = try wanted(row, cic: start + 19, skills: "", mapping: start + 21)
        state.lastEpisode = try row.int32(start + 22)
        state.attempts = try row.int32(start + 23)
        state.failureNumber = try row.int32(start + 24)
        state.episode = try EpisodeColumns.decode(row, at: start + 25)
        return state
    }

    private static func wanted(
        _ row: PostgresRow, cic: Int, skills: String, mapping: Int
    ) throws(PostgresError) -> Wanted? {
        guard let server = try row.optionalText(cic) else { return nil }
        return Wanted(
            cic: server, workgroup: try row.text(cic + 1), skills: skills,
            mapping: try row.optionalInt32(mapping) ?? 0)
    }
}

/// The last ten of those columns.
enum EpisodeColumns {
    static let list = """
        e.number, e.cic, e.state, e.interaction_id, e.attempt_id, e.attempt_deadline, e.workgroup, e.skills,
        e.assign_number, e.with_agent
        """

    static func decode(_ row: PostgresRow, at start: Int) throws(PostgresError) -> Episode? {
        guard let number = try row.optionalInt32(start) else { return nil }
        let name = try row.text(start + 2)
        guard let state = Episode.State(rawValue: name) else {
            throw row.unreadable("an open episode is in the state '\(name)'")
        }
        return Episode(
            number: number, cic: try row.text(start + 1), state: state,
            interaction: try row.optionalText(start + 3).map { InteractionID($0) },
            attempt: try row.attemptID(start + 4), attemptDeadline: try row.timestamp(start + 5),
            workgroup: try row.optionalText(start + 6), skills: try row.optionalText(start + 7),
            assignNumber: try row.int64(start + 8), isWithAgent: try row.bool(start + 9))
    }
}

extension Claim {
    /// What a guarded write by a claim says of it: five columns.
    static let guardTypes: [PostgresType] = [.text, .text, .int8, .int8, .int4]

    func appendGuard(to row: inout BatchRow) {
        row.append(caseKey.org)
        row.append(caseKey.caseID.description)
        row.append(epoch)
        row.append(state.revision)
        row.append(episodeKey.number)
    }
}
