/// What `doctor` looks at. The codes are an interface: monitoring compares them, and `docs/doctor.md` lists them.
public enum DoctorCheck: String, CaseIterable, Sendable {
    case settingsInsecure = "settings-insecure"
    case settingsSite = "settings-site"
    case keyFile = "key-file"
    case credentialStored = "credential-stored"
    case credentialOpens = "credential-opens"

    case databaseReachable = "database-reachable"
    case databaseVersion = "database-version"
    case databaseSchema = "database-schema"
    case databaseWritable = "database-writable"
    case databaseRights = "database-rights"
    case databaseCommit = "database-commit"
    case databaseDurability = "database-durability"
    case databaseClock = "database-clock"
    case databaseTLS = "database-tls"
    case databaseConnections = "database-connections"
    case databasePartitions = "database-partitions"

    case brokerReachable = "broker-reachable"
    case brokerVersion = "broker-version"
    case brokerQueue = "broker-queue"
    case brokerArguments = "broker-arguments"
    case brokerWrite = "broker-write"
    case brokerRead = "broker-read"
    case brokerAlarm = "broker-alarm"

    case salesforceReachable = "salesforce-reachable"
    case salesforceVersion = "salesforce-api-version"
    case salesforceLogin = "salesforce-login"
    case salesforceOrg = "salesforce-org-id"
    case salesforceDomain = "salesforce-my-domain"
    case salesforcePassword = "salesforce-password"
    case salesforceClock = "salesforce-clock"
    case salesforceCalls = "salesforce-api-calls"
    case salesforceDeliveries = "salesforce-event-deliveries"
    case salesforceOutbox = "salesforce-outbox"
    case salesforceOutboxFields = "salesforce-outbox-fields"
    case salesforceWriteBack = "salesforce-write-back"
    case salesforceEvent = "salesforce-event"
    case salesforceTopic = "salesforce-push-topic"
    case salesforceSubscription = "salesforce-subscription"
    case salesforceDelivered = "salesforce-events-delivered"
    case salesforceTriggers = "salesforce-rows-written"
    case salesforceCase = "salesforce-case"
    case salesforceSkillsField = "salesforce-skills-field"
    case salesforceComments = "salesforce-comments"
    case salesforceEmail = "salesforce-email"
    case salesforceAssignment = "salesforce-assignment-rule"
    case salesforceQueue = "salesforce-queue"
    case salesforceAgents = "salesforce-agents"
    case salesforceRights = "salesforce-more-rights"

    case cicHost = "cic-host"
    case cicLogin = "cic-login"
    case cicVersion = "cic-version"
    case cicPassword = "cic-password"
    case cicPair = "cic-pair"
    case cicRecovery = "cic-recovery"
    case cicLicence = "cic-licence"
    case cicDirectory = "cic-directory"
    case cicHolding = "cic-holding"
    case cicWorkgroup = "cic-workgroup"
    case cicMembers = "cic-members"
    case cicUser = "cic-user"
    case cicEmail = "cic-email"
    case cicSkill = "cic-skill"
    case cicQueueRight = "cic-queue-right"
    case cicModifyRight = "cic-modify-right"
    case cicHandler = "cic-handler"
}

extension DoctorCheck {
    /// The remedy with the name of what it is about: `NAME` in it stands for the org or the server, `SUBJECT` for `org:NAME` or `cic:NAME`.
    func remedy(for subject: String) -> String {
        let name = subject.split(separator: ":", maxSplits: 1).last.map(String.init) ?? subject
        return remedy.replacing("SUBJECT", with: subject).replacing("NAME", with: name)
    }

    /// What is looked at, for `docs/doctor.md`.
    public var looksAt: String { text.looksAt }

    /// What to do when it is not as it should be; `NAME` is the org or the CIC server.
    public var remedy: String { text.remedy }

    private var text: (looksAt: String, remedy: String) {
        switch self {
        case .settingsInsecure, .settingsSite, .keyFile, .credentialStored, .credentialOpens: settingsText
        case .databaseReachable, .databaseVersion, .databaseSchema, .databaseWritable, .databaseRights,
            .databaseCommit, .databaseDurability, .databaseClock, .databaseTLS, .databaseConnections,
            .databasePartitions:
            databaseText
        case .brokerReachable, .brokerVersion, .brokerQueue, .brokerArguments, .brokerWrite, .brokerRead, .brokerAlarm:
            brokerText
        case .cicHost, .cicLogin, .cicVersion, .cicPassword, .cicPair, .cicRecovery, .cicLicence, .cicDirectory,
            .cicHolding, .cicWorkgroup, .cicMembers, .cicUser, .cicEmail, .cicSkill, .cicQueueRight, .cicModifyRight,
            .cicHandler:
            cicText
        default: salesforceText
        }
    }
}
