import CaseRouting
import JSON
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// Names that a worker knows from the mirror, however old, and what CIC says now.
    @Suite(.timeLimit(.minutes(3)))
    struct KnownNamesTests {
        private static func entry(_ name: String) -> CICDirectory.WorkgroupEntry {
            CICDirectory.WorkgroupEntry(name: name, isActive: true, hasQueue: true, isACD: true, takesEmail: true)
        }

        private func refused(
            _ server: CICServer, _ workgroup: String, _ skills: String = ""
        ) async -> RoutingFailure? {
            await failure { () throws(RoutingFailure) in
                try await server.resolve(workgroup: workgroup, skills: skills)
            }
        }

        @Test func `a name that an old mirror lacks is asked for before it is refused`() async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler)) { server in
                    server.use(
                        directory: CICDirectory(workgroups: [Self.entry("Old Team")], skills: ["English"], users: []))
                    #expect(server.knows(workgroup: "Old Team", skills: "English"))
                    #expect(!server.knows(workgroup: "Support", skills: ""))
                    let support = try await server.resolve(workgroup: "Support", skills: "German")
                    #expect(support.skills == ["German"])
                    #expect(server.knows(workgroup: "Support", skills: "German"))
                    // CIC itself refuses what is gone.
                    let old = try await server.resolve(workgroup: "Old Team", skills: "")
                    #expect(old.workgroup == "Old Team")
                }
            }
        }

        @Test func `a name that CIC does not have is refused with what was probably meant, and when CIC was asked`()
            async throws
        {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler)) { server in
                    let unread = try #require(await refused(server, "Suport"))
                    #expect(unread.kind == .configuration && unread.stage == .resolve)
                    #expect(unread.cause == .workgroupUnknown)
                    #expect(unread.summary.contains("Did you mean “Support”? CIC was asked right before."))
                    let skill = try #require(await refused(server, "Support", "Englisch"))
                    #expect(skill.cause == .skillUnknown && skill.summary.contains("Did you mean “English”?"))
                    #expect(try #require(await refused(server, "Holding")).cause == .workgroupUnusable)
                    server.use(aliases: ["Englisch": "English"])
                    let support = try await server.resolve(workgroup: "Support", skills: "Englisch")
                    #expect(support.skills == ["English"])
                }
            }
        }

        @Test func `many who ask at once share one reading, and what is added since is found after a while`()
            async throws
        {
            try await TestSite.run { site in
                var limits = TestSite.limits
                limits.namesFreshness = .milliseconds(500)
                try await site.withServer(try site.settings(.handler), limits: limits) { server in
                    await withTaskGroup(of: Void.self) { group in
                        for _ in 0..<50 {
                            group.addTask { #expect(await refused(server, "New Team")?.cause == .workgroupUnknown) }
                        }
                    }
                    let readings = try site.ledger("request").count {
                        $0["path"]?.string?.contains("configuration/workgroups") == true
                    }
                    #expect(readings == 1)
                    try await site.control("workgroups", ["name": "New Team"])
                    try await eventually("the new workgroup is found") {
                        do throws(RoutingFailure) {
                            _ = try await server.resolve(workgroup: "New Team", skills: "")
                            return true
                        } catch {
                            return false
                        }
                    }
                }
            }
        }

        @Test func `names that cannot be read fail no case: they wait, or are left to CIC`() async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler)) { server in
                    try await site.fault("configuration", do: "answer", status: 500)
                    #expect(await refused(server, "New Team")?.kind == .transient)
                    try await site.fault("configuration", do: "answer", status: 403)
                    let left = try await server.resolve(workgroup: "New Team", skills: "x")
                    #expect(left.skills == ["x"])
                    #expect(server.knows(workgroup: "New Team", skills: "y"))
                }
            }
        }

        @Test func `what nothing that CIC says could make right is refused at once`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    server.use(directory: CICDirectory(workgroups: [Self.entry("Support")], skills: [], users: []))
                    #expect(await refused(server, "Support", "English")?.cause == .skillsNotSupported)
                    #expect(await refused(server, "Support", "a|b")?.kind == .permanent)
                    let requests = try site.ledger("request")
                    #expect(requests.allSatisfy { $0["path"]?.string?.contains("configuration/") != true })
                }
            }
        }
    }
}
