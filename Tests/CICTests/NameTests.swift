import CaseRouting
import Testing

@testable import CIC

struct NameTests {
    private func names(_ creation: CICServerSettings.Creation = .handler) -> CICNames {
        let entry = { (name: String, active: Bool, queue: Bool, acd: Bool, email: Bool) in
            CICDirectory.WorkgroupEntry(name: name, isActive: active, hasQueue: queue, isACD: acd, takesEmail: email)
        }
        return CICNames(
            server: "cic1", creation: creation,
            directory: CICDirectory(
                workgroups: [
                    entry("Support", true, true, true, true), entry("Old", false, true, true, true),
                    entry("People", true, false, false, false), entry("Holding", true, true, false, true),
                    entry("Calls", true, true, true, false),
                ], skills: ["English", "Gold Customer"], users: []),
            aliases: ["en": "English", "broken": "a;b", "stale": "Klingon"])
    }

    private func failure(_ workgroup: String, _ skills: String = "", _ names: CICNames) -> RoutingFailure? {
        do {
            _ = try names.resolve(workgroup: workgroup, skills: skills)
            return nil
        } catch {
            return error
        }
    }

    @Test func `names that exist are taken as they are, aliases are resolved`() throws {
        #expect(
            try names().resolve(workgroup: "Support", skills: " en ;Gold Customer;English")
                == ResolvedTarget(workgroup: "Support", skills: ["English", "Gold Customer"]))
        #expect(try names(.generic).resolve(workgroup: "Calls", skills: "").skills.isEmpty)
    }

    @Test(arguments: [
        ("support", "", FailureCause.workgroupUnknown, "Did you mean “Support”?"),
        ("Suport", "", .workgroupUnknown, "Did you mean “Support”?"),
        ("Elsewhere", "", .workgroupUnknown, "no workgroup"),
        ("", "", .workgroupUnknown, "cannot be"), ("a|b", "", .workgroupUnknown, "cannot be"),
        ("Old", "", .workgroupUnusable, "not active"), ("People", "", .workgroupUnusable, "no queue"),
        ("Holding", "", .workgroupUnusable, "not an ACD"), ("Calls", "", .workgroupUnusable, "e-mail"),
        ("Support", "english", .skillUnknown, "Did you mean “English”?"),
        ("Support", "GoldCustomer", .skillUnknown, "Did you mean “Gold Customer”?"),
        ("Support", "stale", .skillUnknown, "alias of “stale”"), ("Support", "broken", .skillUnknown, "cannot be"),
    ])
    func `a name that cannot be used is named, with what was probably meant`(
        _ workgroup: String, _ skills: String, _ cause: FailureCause, _ words: String
    ) {
        let failed = failure(workgroup, skills, names())
        #expect(failed?.kind == .configuration && failed?.stage == .resolve && failed?.cause == cause)
        #expect(failed?.summary.contains(words) == true, "\(failed?.summary ?? "")")
    }

    @Test func `skills with generic interactions are refused, malformed ones are permanent`() {
        #expect(failure("Support", "English", names(.generic))?.cause == .skillsNotSupported)
        #expect(failure("Support", "a|b", names())?.kind == .permanent)
        #expect(failure("Support", String(repeating: "x", count: 256), names())?.cause == .skillsTooLong)
    }

    @Test func `without a directory everything is left to CIC`() throws {
        let unread = CICNames(server: "cic1", creation: .handler)
        #expect(try unread.resolve(workgroup: "Anything", skills: "x;y").skills == ["x", "y"])
        let empty = CICNames(
            server: "cic1", creation: .handler, directory: CICDirectory(workgroups: [], skills: [], users: []))
        #expect(try empty.resolve(workgroup: "Anything", skills: "x").skills == ["x"])
    }

    // MARK: Templates and settings

    @Test func `templates name places that exist`() throws {
        let text = try TextTemplate("{org}-{case.number}/{case.id}?p={case.priority}")
        #expect(text.text { "<\($0.rawValue)>" } == "<org>-<case.number>/<case.id>?p=<case.priority>")
        for wrong in ["{subject}", "{case.id", "{}", "a{ case.id}"] {
            #expect(throws: RoutingFailure.self) { try TextTemplate(wrong) }
        }
        for wrong in ["", "Eic_State", "cr_org", "a b", "ä"] {
            #expect(throws: RoutingFailure.self) { try AttributeTemplate(name: wrong, value: .caseNumber) }
        }
    }

    @Test func `hostile texts are sent without what a handler cannot take`() {
        #expect(HandlerText.sound("a|b\u{0}c\u{7F}d\n") == "a b c d ")
        #expect(HandlerText.sound(String(repeating: "ü", count: 1_500)).utf8.count == 2_000)
        #expect(!HandlerText.isSound("a\tb") && HandlerText.isSound("Jürgen; 😀"))
        let org = CaseOrg(organization: "00D000000000001AAA", url: "https://x.example.com//")
        #expect(org.url == "https://x.example.com")
    }

    @Test(
        arguments: [
            ([], "Holding", "i", "no host"), (["a b"], "Holding", "i", "not a host"),
            (["h:0"], "Holding", "i", "not a host"),
            (["h:70000"], "Holding", "i", "not a host"), (["h@x"], "Holding", "i", "not a host"),
            (["h/x"], "Holding", "i", "host"),
            (["h"], "", "i", "holding"), (["h"], "a|b", "i", "holding"), (["h"], "Holding", "", "installation"),
        ] as [([String], String, String, String)])
    func `settings that cannot work are refused`(
        _ hosts: [String], _ holding: String, _ installation: String, _ words: String
    ) {
        do throws(RoutingFailure) {
            _ = try CICServerSettings(
                name: "c", hosts: hosts, holdingWorkgroup: holding, installation: installation, user: "u",
                password: "p")
            Issue.record("accepted")
        } catch {
            #expect(error.kind == .configuration && error.summary.contains(words), "\(error.summary)")
        }
    }

    // MARK: Hosts

    private func order(_ roster: inout HostRoster, limit: Int = 16) -> [String] {
        var names: [String] = []
        while let host = roster.next(limit: limit) { names.append(host.description) }
        return names
    }

    @Test func `a round tries the last good host, then the newest alternates, then the seeds, each once`() throws {
        let seed = try #require(ICWSHost("one", defaultPort: 8019))
        var roster = HostRoster(seeds: [seed, try #require(ICWSHost("two:9000", defaultPort: 8019))])
        roster.beginRound()
        #expect(roster.next(limit: 16) == seed)
        roster.learn(["three", "one", "[::1]", "bad host", "four:1"], from: seed)
        #expect(order(&roster) == ["three:8019", "[::1]:8019", "four:1", "two:9000"])
        roster.succeeded(try #require(ICWSHost("two:9000", defaultPort: 1)))
        roster.learn(["five"], from: seed)
        roster.beginRound()
        #expect(order(&roster) == ["two:9000", "five:8019", "one:8019"])
        roster.learn((0..<100).map { "h\($0)" }, from: seed)
        roster.beginRound()
        #expect(order(&roster).count == 16)
    }
}
