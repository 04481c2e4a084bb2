import Foundation
import TestSupport
import Testing

/// What a failure named is changed in CIC or here, and its cases go on without anybody's help.
@Suite(.serialized) struct RepairJourneyTests {
    private static let secondQueue = "00G000000000002EAA"

    /// One test, because the watch reads names once a minute.
    @Test func `a workgroup or a skill that appears and a credential that is replaced send their cases by themselves`()
        async throws
    {
        try await FailingSite.with { site in
            let installation = site.installation
            try await site.must([
                "mappings", "add", FailingSite.org, Self.secondQueue, "east/Returns", "--unchecked",
            ])
            let worker = try await installation.start("route")
            try await eventually("the names are read") {
                try await installation.query("SELECT cic FROM caserouter.directory_reads") == ["east"]
            }
            // What was set up a moment ago is no repair.
            _ = try await installation.query("DELETE FROM caserouter.repairs RETURNING what")

            try await site.publish(1, skills: "", queue: Self.secondQueue)
            try await site.publish(2, skills: "French")
            try await site.untilFailed(2)
            try await site.control(
                "PATCH", "configuration", #"{"handler": {"failNext": 1, "failCode": "no-licence", "only": "create"}}"#)
            try await site.publish(3, skills: "German")
            try await site.untilFailed(3)
            #expect(
                try await installation.query("SELECT cause FROM caserouter.failed_requests ORDER BY case_number") == [
                    "workgroup-unknown", "skill-unknown", "cic-forbidden",
                ])

            // Only the credential's case: what else is failed names something else.
            let credential = #"{"user": "caserouter", "password": "secret"}"#
            try await site.must(["credentials", "set", "cic:east"], input: credential)
            try await site.untilRouted(3)
            try await site.untilFailed(2)

            try await site.control("POST", "workgroups", #"{"name": "Returns"}"#)
            try await site.control("POST", "skills", #"{"name": "French"}"#)
            try await site.untilRouted(1, on: "Returns")
            try await site.untilRouted(2)
            #expect(try await site.must(["failed", "list"]) == "nothing is failed\n")
            try await eventually("the retries are done") {
                try await installation.query("SELECT state FROM caserouter.bulk_retries WHERE state <> 'done'").isEmpty
            }
            let retries = try await site.must(["retries", "list"])
            for repaired in [
                "workgroup Returns of CIC server east was repaired", "skill French of CIC server east was repaired",
                "the credential of CIC server east was replaced",
            ] { #expect(retries.contains(repaired), "\(retries)") }
            for number in [1001, 1002, 1003] {
                let story = try await site.must(["case", "\(number)"])
                #expect(story.contains("sent again by case router"), "\(story)")
            }
            #expect(try site.creations() == 3, "every case has one interaction, from first to last")

            // A password that CIC no longer takes fails nobody: the case waits, and goes on with the new one.
            try await site.control(
                "PATCH", "configuration", #"{"users": [{"name": "caserouter", "password": "another"}]}"#)
            try await site.control("POST", "sessions/expire")
            try await eventually("the session is gone") {
                try worker.log.contains("cause=cic-credentials") || worker.log.contains("login was refused")
            }
            try await site.publish(4, skills: "German")
            try await eventually("the case is merged") {
                try await installation.query("SELECT case_id FROM caserouter.cases WHERE case_number = '1004'").count
                    == 1
            }
            try await site.must(
                ["credentials", "set", "cic:east"], input: #"{"user": "caserouter", "password": "another"}"#)
            try await site.untilRouted(4)
            #expect(try await site.must(["failed", "list"]) == "nothing is failed\n")
            #expect(worker.process.exitStatus == nil)
        }
    }
}
