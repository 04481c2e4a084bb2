/// What `docs/doctor.md` says about each check; a test compares the two.
extension DoctorCheck {
    var settingsText: (looksAt: String, remedy: String) {
        switch self {
        case .settingsInsecure:
            (
                "whether plaintext beyond this machine is allowed",
                "use TLS everywhere and remove CASEROUTER_INSECURE"
            )
        case .settingsSite:
            ("whether an org, a CIC server and an enabled mapping are set up", "caserouter config apply site.yaml")
        case .keyFile:
            (
                "the key file: readable, closed to others, every line a key",
                "put the key file where CASEROUTER_KEY_FILE says and give it mode 0400; a lost one cannot be replaced: "
                    + "make a new one and set every credential again"
            )
        case .credentialStored:
            ("whether a credential is stored", "caserouter credentials set SUBJECT")
        default:
            (
                "whether the credential opens, and whether under the newest key",
                "use the key file that it was stored under, or store it again: caserouter credentials set SUBJECT"
            )
        }
    }

    var databaseText: (looksAt: String, remedy: String) {
        switch self {
        case .databaseReachable:
            (
                "connection and login",
                "start PostgreSQL, or correct CASEROUTER_DATABASE_URL; the sentence has the server's own words"
            )
        case .databaseVersion: ("version of PostgreSQL: 15 or later", "move the database to PostgreSQL 15 or later")
        case .databaseSchema:
            ("whether the schema is the one that this program knows", "caserouter migrate, then restart older workers")
        case .databaseWritable:
            (
                "whether the server takes writes",
                "name all servers of the cluster in CASEROUTER_DATABASE_URL, so that the one in charge is found"
            )
        case .databaseRights:
            (
                "rights of the four roles, and of the role that this command logs in as",
                "caserouter migrate as the owner of the schema gives the roles their rights; give a login a role: "
                    + "GRANT caserouter_admin TO somebody"
            )
        case .databaseCommit:
            (
                "synchronous_commit: what is committed must survive a crash",
                "set synchronous_commit to on for the server, the database and the role"
            )
        case .databaseDurability:
            ("fsync and full_page_writes", "set fsync and full_page_writes to on: a power cut may cost everything")
        case .databaseClock:
            ("difference between this machine's clock and the database's", "let both machines follow one time server")
        case .databaseTLS:
            (
                "TLS to a database on another machine",
                "add sslmode=verify-full and sslrootcert to CASEROUTER_DATABASE_URL"
            )
        case .databaseConnections:
            ("connections left", "raise max_connections, or end sessions that nobody needs")
        default:
            (
                "whether the partitions of the next days are there",
                "start a route worker: one of them makes partitions, every few minutes"
            )
        }
    }

    var brokerText: (looksAt: String, remedy: String) {
        switch self {
        case .brokerReachable:
            (
                "connection, login and virtual host",
                "start RabbitMQ, or correct CASEROUTER_BROKER_URL and CASEROUTER_BROKER_PASSWORD_FILE"
            )
        case .brokerVersion: ("version of RabbitMQ: 3.10 or later", "move to RabbitMQ 3.10 or later")
        case .brokerQueue: ("whether the queue is there", "caserouter migrate")
        case .brokerArguments:
            (
                "type and arguments of the queue, as declared",
                "empty the queue, delete it and run caserouter migrate: arguments of a queue cannot be changed"
            )
        case .brokerWrite:
            (
                "right to publish, tried with a message that no queue takes",
                "rabbitmqctl set_permissions: the user needs write on amq.default"
            )
        case .brokerRead:
            (
                "right to consume, tried without taking a message",
                "rabbitmqctl set_permissions: the user needs read on caserouter\\..*"
            )
        default:
            ("memory and disk alarms", "free memory or disk of the broker; until then it takes no messages")
        }
    }

    var salesforceText: (looksAt: String, remedy: String) {
        switch self {
        case .salesforceReachable:
            (
                "connection and certificate of the login URL",
                "correct the login URL (caserouter orgs set NAME login_url=…), the firewall, or CASEROUTER_CA_FILE"
            )
        case .salesforceVersion:
            (
                "whether the org offers the API version that is set",
                "caserouter orgs set NAME api_version=62.0, or another one that is offered"
            )
        case .salesforceLogin:
            (
                "login with the stored credential",
                "do what the sentence says, then caserouter credentials verify org:NAME"
            )
        case .salesforceOrg:
            (
                "whether the login leads to the org that is set",
                "after a sandbox refresh the org has another id: caserouter orgs set NAME organization_id=…"
            )
        case .salesforceDomain:
            (
                "whether the login URL is the org's own My Domain",
                "caserouter orgs set NAME login_url=https://…, the address that the sentence names"
            )
        case .salesforcePassword:
            (
                "password flow: whether the user's password has expired",
                "set a new password for the integration user, or let it never expire; then caserouter credentials set "
                    + "org:NAME"
            )
        case .salesforceClock:
            ("difference between this machine's clock and Salesforce's", "let this machine follow a time server")
        case .salesforceCalls:
            (
                "API requests left today",
                "find out who calls: caserouter report api-calls --org NAME; Setup shows the other programs"
            )
        case .salesforceDeliveries:
            (
                "event deliveries left today",
                "fewer subscribers, or more deliveries from Salesforce; until then sweeps find the changes, later"
            )
        case .salesforceOutbox:
            (
                "whether the outbox object is visible",
                "install the package and assign the permission set Routing_Integration; after a sandbox refresh too"
            )
        case .salesforceOutboxFields:
            (
                "whether the outbox has every field of this version's package, visible",
                "install the package of this version and assign the permission set Routing_Integration"
            )
        case .salesforceWriteBack:
            (
                "right to mark rows as processed",
                "assign the permission set Routing_Integration: it edits the status of all outbox rows"
            )
        case .salesforceEvent:
            (
                "whether the platform event and its fields are visible",
                "install the package and assign the permission set Routing_Integration; after a sandbox refresh too"
            )
        case .salesforceTopic:
            (
                "older packages: whether the PushTopic is there, active, and selects the fields that are set",
                "make the PushTopic anew (salesforce/scripts/apex/create-pushtopic.apex): a sandbox refresh does not copy it"
            )
        case .salesforceSubscription:
            (
                "whether the channel can be subscribed to",
                "give the integration user read on the event; see the channel in caserouter orgs show NAME"
            )
        case .salesforceDelivered:
            (
                "whether the newest rows came by their events, not by a sweep",
                "look at the log of the ingest worker; is the event's limit used up, or was the org refreshed?"
            )
        case .salesforceTriggers:
            (
                "whether the newest case has a row",
                "switch the triggers of the package on; has its creator the permission set Routing_Skip?"
            )
        case .salesforceCase:
            (
                "whether cases and their fields are visible",
                "assign the permission set Routing_Integration: it reads all cases"
            )
        case .salesforceSkillsField:
            (
                "whether the skills field of Case is there and visible",
                "correct source.case-skills (caserouter orgs set NAME …), or make the field visible to the integration "
                    + "user"
            )
        case .salesforceComments:
            ("whether comments of cases are visible", "let the integration user read CaseComment")
        case .salesforceEmail:
            (
                "whether e-mails of cases are visible: Email-to-Case is on",
                "switch Email-to-Case on in Setup; where cases do not come by e-mail leave it"
            )
        case .salesforceAssignment:
            (
                "whether an assignment rule is active, and whether e-mail cases go to monitored queues",
                "let the rule assign to a monitored queue, or map the queue that the sentence names: caserouter "
                    + "mappings add NAME QUEUE CIC/WORKGROUP"
            )
        case .salesforceQueue:
            (
                "whether the queue of a mapping exists, by its exact name or id, and owns cases",
                "caserouter mappings list --org NAME; set the queue by its name in Salesforce"
            )
        case .salesforceAgents:
            (
                "whether members of the workgroup are members of the Salesforce queue, by user name, alias, name or "
                    + "federation id",
                "add them to the queue in Salesforce: who is no member may not open its cases"
            )
        default:
            (
                "rights that the integration user has and does not need",
                "take them from the integration user: Routing_Integration alone is enough"
            )
        }
    }

    var cicText: (looksAt: String, remedy: String) {
        switch self {
        case .cicHost:
            (
                "whether each host answers, and with which version",
                "start Session Manager there, open its port, or correct hosts: caserouter cic set NAME hosts=…"
            )
        case .cicLogin:
            (
                "login with the stored credential",
                "do what the sentence says, then caserouter credentials verify cic:NAME"
            )
        case .cicVersion:
            (
                "features: messaging 2 (event stream), connection 11 (switchover status)",
                "nothing, or update CIC: without them messages are polled and a switchover is found by the connection alone"
            )
        case .cicPassword:
            (
                "days until the user's password expires",
                "change it in CIC, or let it never expire; then caserouter credentials set cic:NAME"
            )
        case .cicPair:
            (
                "whether all servers of the pair are among the hosts",
                "caserouter cic set NAME hosts=…, with every server of the pair"
            )
        case .cicRecovery:
            (
                "server parameter Mail Interaction Recovery Enabled of a pair",
                "set it to 1 in Interaction Administrator: else waiting cases are lost at a switchover and made anew"
            )
        case .cicLicence:
            ("licences of the session's user", "activate the user's licence in Interaction Administrator")
        case .cicDirectory:
            (
                "right to view workgroups, skills and users",
                "give the user View on all workgroups, skills and users (Access Control in Interaction Administrator)"
            )
        case .cicHolding:
            (
                "the holding workgroup: has a queue, is active, is not ACD, has no members",
                "correct it in Interaction Administrator, or name another one: caserouter cic set NAME holding=…"
            )
        case .cicWorkgroup:
            (
                "every mapped workgroup: exact name, has a queue, is active, is ACD",
                "correct it in Interaction Administrator, or the mapping: caserouter mappings list --cic NAME"
            )
        case .cicMembers: ("whether a mapped workgroup has members", "add agents to the workgroup")
        case .cicUser:
            (
                "whether every user exists whose own queue a mapping names",
                "correct the name, which is compared exactly: caserouter mappings list --cic NAME"
            )
        case .cicEmail:
            (
                "whether the workgroup routes e-mail and its members take it (utilisation)",
                "switch e-mail routing on for the workgroup and give its members an e-mail utilisation below 100 %"
            )
        case .cicSkill:
            (
                "skills of mappings and aliases: known, and some member of the workgroup has them",
                "correct the name, or say what CIC calls it: caserouter aliases add NAME SKILL SKILL-IN-CIC"
            )
        case .cicQueueRight:
            (
                "right to view the queue of every mapped workgroup or user and of holding",
                "give the user View, Monitor and Search on that queue"
            )
        case .cicModifyRight:
            (
                "right to change interactions: cannot be seen without changing one",
                "give the user Modify on the queues of holding and of all mapped workgroups and users"
            )
        default:
            (
                "whether the handler answers a ping, and which contract it speaks",
                "publish the handler of docs/cic-handler.md in Interaction Designer, and let it answer Ping"
            )
        }
    }
}
