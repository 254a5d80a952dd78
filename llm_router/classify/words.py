"""What the classifier knows about words: tables, no code.

English words sit in categories (one word may sit in several); everything else is recognised by stems that are
looked for inside the lower-cased text. Stems of alphabetic scripts start at a word boundary: a space before them
is implied, and `~` marks one that may stand anywhere (scripts without spaces, prefixes glued to the word).
"""

WORDS = {
    # ── words that ask ──
    "filler": """a actually ah again ahead all alright also and any anyway anyways awesome aye bro btw but can cool could
        dear dude even exactly fine first folks for go going gonna good gotta great guys hello help here hey hi hm hmm
        hmmm i i'd i'll i'm if instead into is it it's just kindly let let's lets like lol look looking man maybe me my
        need next nice no nope now of oh ok okay once one only our perfect perhaps please pls plus quick quickly
        right said say second should simply so some still sure task than thank thanks that that's the then there
        this to too try ugh uh um us very wanna want was we we'd we'll we're we've well will with word would yea yeah
        yep yes you you're your yup""",
    "question": "what what's whats who who's whose whom when where where's which how how's why why's whys",
    "polar": """is are was were does do did should shall isn't aren't doesn't don't didn't wouldn't shouldn't has have
        hasn't haven't am will won't might""",
    "and": "and then or but , ; : also plus please finally afterwards so",
    "preposition": "in on for at from with within inside when if after before as during under whenever once while",
    # ── verbs, by the work they ask for ──
    "code_verb": """add address adjust align allow append apply assign automate backport bind bounce build bump bundle
        cache cast catch center centre change checkout clean cleanup clone comment commit concatenate configure
        connect containerize convert copy count create customize cut deactivate declare decouple dedupe delete deploy
        deprecate disable dockerize downgrade drop dump emit enable encode encrypt enforce ensure execute expand
        expose extend extract filter finish fix flatten flip force fork format get goto guard handle harden hide
        highlight hook implement import improve increase indent init initialize inject inline insert install
        instrument integrate interpolate join keep kill launch limit lint load lock log loop lower lowercase make
        merge migrate minify mock modify modularize mount move mute normalize obfuscate omit open optimise optimize
        order override overwrite pad paginate parallelize parameterize parse pass patch pin pipe poll populate port
        prefix prepend preserve prevent print process pull purge push put raise read rebase reduce refactor refresh
        register reindex reimplement remove rename render reorder reorganize replace reset resize resolve restart
        restore restrict restructure retry return reuse revert rewire rollback rotate round run sanitize save scaffold
        scan send serialize set setup shorten show shrink simplify skip solve sort speed split squash stage start
        stop store strip stub style suppress swap switch sync tag test throttle toggle trim truncate turn tweak
        uncomment undo unify uninstall unpin update upgrade upload use validate vendor wire wrap zip modernize port
        put let stop grep ping chmod polish productionize mark expire gate batch stream reverse reflect capitalize""",
    "text_verb": """draft translate summarize summarise rewrite paraphrase proofread rephrase reword brainstorm invent
        compose name write author continue pen suggest announce congratulate apologize title tl;dr tldr
        condense outline roleplay pretend imagine localize transcribe""",
    "make_verb": """write create make generate give produce design provide prepare build come develop craft show
        compose need want prompt output""",
    "draw_verb": "draw paint sketch illustrate render",
    "judge_verb": """analyze analyse review explain compare contrast evaluate assess diagnose debug investigate prove
        derive calculate compute determine estimate verify critique audit examine justify interpret
        decide recommend advise think weigh troubleshoot discuss deduce classify rank score rate
        simplify factor differentiate integrate profile challenge reconsider disprove argue identify check confirm
        inspect trace assume suppose elaborate consider validate understand""",
    "search_verb": "research survey google browse search lookup collect gather investigate find compile track scour",
    "ask_verb": "tell define list name remind spell explain show recall give",
    # ── objects, by what they are ──
    "code_noun": """algorithm api apis app applet application array assertion backend bash benchmark binary bool boolean
        branch breakpoint buffer bug bugs build button c++ cache callback changelogs checkbox checkout class classes cli
        client cluster cmake cmakelists code codebase codes column columns command commands commit commits compiler
        component components config configuration constant constructor container controller cron css csv cursor
        daemon dashboard database db debounce decorator dependencies dependency diff dict dictionary directory docker
        dockerfile dom driver dropdown dsl element endpoint endpoints enum env error errors event events exception
        exceptions excel export extension fallback feature field fields file filename files fixture flag flags folder
        footer form formula framework frontend function functions gem generics getter git github graphql grpc handler
        hashmap header headers heap helper hook hooks html http icon-button implementation import imports index
        input int integration interface issue iterator java javascript js json jsx key keybinding kernel kotlin
        kubernetes lib library linter lint linting list lists lock logger logging loop macro main makefile manifest
        map menu method methods middleware migration migrations mock modal module modules mutex namespace navbar
        node npm null object objects one-liner oneliner option options orm output package packages page pages
        param parameter parameters parser patch path php pip pipeline plugin pod pods pointer popup port powershell
        pr prompt-toolkit promise property proxy pull python query queries queue queues react readme-badge redis
        reducer refactor regex regexes regexp regression rendering repo repository request requests response
        retry rout route router routes row rows ruby runner rust scala schema scraper script scripts scrollbar sdk
        selector server servers service services setter setting settings shell sidebar slider solver sort spec spinner
        sql stack stacktrace state stdin stdout string strings struct stub subclass submodule swift switch symlink syntax
        table tables tab tabs template terraform test tests thread threads timeout timestamp timezone toggle token
        tokens tool tooltip tooltips toolbar tree trigger tuple type types typescript ui unit url urls util utils ux
        player recorder gallery carousel editor importer exporter handlers tests suite makefile validation validator value values var variable variables vba vector version vue wasm web webhook webpack
        website whitespace widget workflow worker wrapper xml yaml yml zig async await bot game calculator scheduler
        extension lexer hook tcp udp socket websocket login oauth jwt auth session sessions cells macro dataset
        dataframe pandas numpy ffmpeg selenium haskell golang lua perl matlab bug crash segfault traceback ci
        conftest linters formatter checker allocator lru iterator serializer deserializer codec crate""",
    "text_noun": """abstract ad advert advertisement agenda announcement apology article bio biography blog blogpost book
        bullet-points caption captions chapter conclusion copy cv description dialog dialogue diary docs
        documentation email emails essay fable faq faqs greeting guide haiku headline headlines horoscope introduction
        transcript conversation invitation itinerary joke jokes lesson letter limerick lyrics mail manual manuals memo menu-text
        message minutes monologue name names newsletter note notes novel obituary opener outline paragraph
        paraphrase pitch plot poem poems poetry post posting postmortem posts prayer presentation prose protocol
        procedure proposal puns quiz quote readme recipe reply resignation resume review-text rhyme riddle
        saying scene screenplay slogan slogans song speech sonnet statement stories story syllabus tagline taglines
        talk testimonial text thread-post tip tips toast translation tutorial tweet tweets vows whitepaper
        wording changelog onboarding-guide handbook announcement worksheet copywriting linkedin scope advice
        adventure rpg persona prompts abstract curriculum cover runbook policy explanation howto""",
    "image_noun": """avatar avatars banner cartoon clipart collage doodle drawing drawings favicon icon icons
        illustration illustrations image images infographic logo logos mascot mockup-image painting paintings photo
        photograph photographs photos picture pictures portrait portraits poster posters sketch sticker
        stickers thumbnail wallpaper watercolor watercolour artwork emblem backdrop meme png jpg mural comic""",
    "video_noun": """video videos clip clips animation film movie gif trailer timelapse footage reel cinematic
        screencast teaser b-roll""",
    "audio_noun": """audio audiobook jingle melody music narration podcast ringtone sound sounds soundtrack voiceover
        voice-over voice noise beat song-track track tune tts loop-track chime background-music speech-audio
        instrumental soundscape ambience sfx""",
    "audio_verb": "narrate sing vocalize hum",
    "video_verb": "animate",
    "here": "the this that these those our my its their your existing current each every his her",
    # ── what hints at a judgement, at sources, at settled knowledge ──
    "judge": """why tradeoff tradeoffs trade-off trade-offs pros cons cause causes better best worth versus vs opinion
        thoughts reason reasons correct wrong valid appropriate average sum proof optimal advantages
        disadvantages risk risks weaknesses strengths bottleneck slower slow plausible safe feasible impact         approximation sense suggestions concerns implications criticism correctness flaw flaws""",
    "quantity": """perimeter area probability digit digits integer integers polynomial triangle radius volume velocity
        mass energy remainder sum product average percent percentage ratio angle angles degrees equation equations
        coefficient coefficients rectangle circle square hexagon sphere charge coins dollars cents total twice half
        dozen hour minute day days week per pounds feet inches meters miles km kg gallons liters hours minutes speed distance rate profit revenue
        interest discount acid base reaction reacts reagent enthalpy molecule molecular moles mol electron proton
        atom orbital spin wavelength frequency temperature pressure entropy quantum photon particle star orbit
        planet gene genes protein enzyme mutation allele species oxide compound product isomer solution voltage
        resistance capacitor magnetic prime primes divisible modulo permutation combinations vertices vector matrix
        eigenvalue integral derivative limit root roots real complex number numbers value values maximum minimum
        smallest largest greatest least odd even sequence arithmetic geometric hydrogen carbon conducting""",
    "search": """latest newest recent recently sources source papers paper literature cite cited citations citation
        links survey pricing prices price news published publications studies market markets trend trends
        industry state-of-the-art benchmarks study vendors competitors offers statistics articles article internet
        web online current scholarly peer-reviewed arxiv today currently regulation regulations legislation references
        companies experts adoption 2023 2024 2025 2026""",
    "survey": """comprehensive detailed in-depth report influence influences impact impacts future potential global
        globally worldwide strategies strategy development societal economic economics policy population countries
        country historical scholars academic theory theories theoretical methodologies application applications
        opportunities challenges implications perspectives factors effects prospects evolution researchers
        researcher ecology medicine clinical socio-economic enterprises consumers advancements mechanisms
        mitigate existing practices comparison comparative evidence landscape status regarding sector""",
    # ── how hard ──
    "deep": """prove proof proofs theorem lemma conjecture wait-free lock-free lockfree waitfree linearizable
        linearizability serializability serializable serialisable consensus raft paxos byzantine np-hard undecidable
        invariant invariants interleaving interleavings formally soundness unsound asymptotic crdt crdts starving
        starvation hamiltonian lagrangian bijection bijective homomorphism isomorphism topology manifold eigenvalue
        eigenvalues derive derivation first-principles novel exactly-once allocation-free allocations allocator
        gil nondeterministic non-deterministic deterministic deterministically reentrant abi quiescent causality
        linearization livelock memory-safe atomics fences hermitian cohomology decidable decidability bisimulation
        zero-copy simd jit aarch64 arm tla+ coq lean quorum mvcc tearing torn monotonic monotonicity fairness fair
        fsync epoch hazard rcu hermetic polymorphism hindley-milner unification work-stealing
        reclamation zero-knowledge homomorphic vector-clock write-ahead speculative offline-first bit-identical
        linear-time sublinear amortized np-complete irrational convexity convergence stochastic variational tamper-proof
        ssa coinductive monads denotational ieee754 endianness wait-freedom lock-freedom thread-sanitizer heisenbug""",
    "hard": """concurrency concurrent concurrently race races deadlock deadlocks distributed replication replicas
        replicate scheduler kernel compiler optimizer gc garbage latency throughput scale scales scaling scalable
        shard sharding partition partitions migration migrate zero-downtime downtime backward-compatible multi-tenant
        multitenant tenant tenants architecture architect redesign rearchitect security vulnerability vulnerabilities
        encryption tenancy consistency isolation transaction transactions invalidation intermittent
        intermittently flaky randomly sometimes leak leaks leaking corrupt corrupted corruption recovery recover
        offline conflict conflicts streaming parallel parallelism incremental incrementally monolith monorepo
        microservices microservice resumable threat performance regression end-to-end production design designs
        phase phases strategy protocol engine parser interpreter inference atomic atomically memory oom
        idempotent idempotency backpressure failover rollback semantics cycle cycles cyclic ordering threads
        thread-safe threadsafe safety async lossless regulator compliance audit auditable cross-platform
        versioning federation simulation simulate rate-limiting abstraction collation propagation prefetch
        collaborative permissions back-pressure checksum uploads p99 p95 p999 percentile tail reproducibly exploit
        sandbox sandboxing coordination rebalance rebalancing handoff quotas throttling observability tracing dedup
        deduplication interop compatibility cross-compile bootstrap internationalization accessibility plugin plugins workspace incremental heap cold-start nightly starved stale
        freezes hangs stalls vanish vanishes vanished disappear disappears disappeared
        ambiguous ambiguity timezone timezones reproducible bytecode lifetimes borrow bootstrapping generic generics""",
    "trivial": """typo typos color colour colors colours comment semicolon comma label labels wording heading
        headings title spelling spell capitalise capitalize capitalization uppercase lowercase whitespace indentation
        indent bump rename font padding margin px newline trailing blank word letter button line
        green blue red yellow orange purple pink black white grey gray bold italic hello filename alias emoji dash
        hyphen dashes underscore bracket bracket parenthesis quote quotes period placeholder chars lint linting
        copyright divider dividers tooltip print date acronym abbreviation pronounce licence license imports""",
    # words for texts that take a plan of their own, and for texts of a line
    "big_text": """novel book books whitepaper handbook screenplay curriculum syllabus thesis manual course campaign series
        chapters chapter complete policy contract specification pages protocol strategy dissertation grant deck trilogy
        textbook legal treaty""",
    "small_text": """name names title titles slogan slogans tagline taglines tweet message sentence caption greeting haiku joke
        paragraph line note reply emoji pun puns one-paragraph limerick polite short brief commit toast""",
    # words whose presence says "these sentences are English"
    "english": """the a of and is to in for with that this it on are be as how what why can you my i we do does not
        from by an if or when should at which your have please me""",
    # function words of other Latin-script languages that are not English words
    "foreign": """qu'est-ce c'est qu'un qu'une d'un d'une cet ces diesen ins ans vom zur zum alle einem noch nur
        não são más también tutti ogni alla questo questa questi gli degli hoy ya się jest są dla przez der das und ist ein eine einen einer eines nicht wie ich du wir ihr mit für auf von zu den dem bitte
        warum welche welcher oder auch kann kannst mir mein meine diese dieser dieses werden aus bei nach über unser
        le la les des une est que qui pour dans avec sur ce cette mon ma mes nous vous je ne pas du au aux et comment
        pourquoi quelle quel quels el los las una unas por para con como cómo está esta este mi del qué y o os um uma
        não em meu minha da na no-pt dos das ao à é il lo gli un uno di che per sono è cos'è perché nel della dei
        het een niet ik jij van voor met hoe wat waarom deze dit naar jest nie jak się czy dlaczego co w z na do-pl
        ve bir için nasıl neden bu ile och att det är jag hur för inte den som på og er jeg hvordan ikke og til
        je jsem jak proč pro tento že là và của cho tôi không một yang dan untuk dengan apa bagaimana ini itu""",
}

# Asked for inside " lower-cased ask ": a space on either side means a word boundary.
PHRASES = {
    "query": """ what is | what's | whats | what does | how do i | how do you | how can i | how to | stand for | stands for
        | difference between | where is | where are | who is | who was | when did | when was | what are the | does it mean
        | which command | which flag | what flag | is there a way | what port | tell me about | by default """,
    "analyze": """ how come | root cause | what's wrong | what is wrong | what went wrong | makes sense | make sense | does
        this | is this | is it | do we need | should we | should i | would it | worth it | what happens | pros and cons
        | which one | which of | what should i | what do you think | take a look | look at | look into | walk me through
        | how many | how much | how likely | show that | step by step | your opinion | feedback on | isn't there | why not
        | why is | why does | why do | why are | suggestions | any thoughts | find out why | figure out why | easier | best way to decide """,
    "research": """ search for | look up | find papers | with sources | with links | state of the art | literature review
        | on the internet | search the web | as of | up to date | case studies | current state | report on | who offers
        | find the latest | find the current | industry standard | published data | this week | this month | this year
        | best practices | existing projects | research on | research for | research report | research the | survey of
        | real-world | market share """,
    "generate": """ commit message | release notes | blog post | cover letter | lesson plan | out of office | in the voice of
        | in the style of | once upon a time | alt text | job description | job advert | press release | user guide
        | product description | names for | name for | title for | ideas for | changelog entry
        | a story | a poem | a song | a script for | video script | talk about | study guide | word essay """,
    "audio": " aloud | out loud | sound effect | voice over | white noise ",
    "code": """ unit test | unit tests | write a function | write a program | write code | python code | pull request
        | hello world | one liner | code example | stack trace | in python | in rust | in java | in go | in c++ | in c | in js
        | in javascript | in typescript | command line | source code | def | docker image | html page | step 1 | do it | go ahead | ship it | given string | given list | given array | standard input | given number """,
    "deep": """ first principles | exactly once | lock free | wait free | without losing | without blocking | without a lock
        | without locks | memory ordering | memory model | lower bound | upper bound | worst case | only fails | only
        fail | only happens | every interleaving | crash recovery | type checker | garbage collector | borrow checker | register allocator | query planner
        | regex engine | sat solver | lost writes | lost updates | data loss | leader election | clock drift | snapshot isolation
        | differential privacy | end to end encrypted | bit identical | any two | for every | all possible | necessary and sufficient | race condition | without allocating | split brain
        | at any moment | at any point | at any instant | any number of | never lose | never loses | never pauses | prove it
        | provably | is optimal | tight bound | up to isomorphism | expected number | no such | can ever | in linear time
        | no locks | on every machine | round trip | at most once | happens before | starving | big endian | bit for bit | under load | clock skew | no global
        | formal proof | constant time | side channel | and prove | in polynomial time | can never | must never """,
    "hard": """ thread safety | thread safe | out of memory | running out of | trade-off | root cause | root
        causes | backward compatible | backwards compatible | zero downtime | rate limiting | in production | event
        sourcing | source of truth | multi-region | at scale | proceed | design
        | from scratch | no network | catch up | in step | in sync | at the same time | without downtime
        | now and then | once in a while | once a day | from time to time | for no reason | nobody knows | no idea why
        | no idea where | charged twice | without a connection | million users | millions of | power cut | losing power
        | two people | at once | right to left | without stopping | keep all | live traffic | while traffic | large | gb | only on | keep the | merge conflict | the plan | this plan """,
    "trivial": """ one line | one-liner | hello world | from the end | line 1 | stand for | the word | by the word | typo
        | rename the | empty file | one word | delete the file | remove the file | move the file | which year | what year
        | stands for | log line """,
}

# Signs of the form of a text, looked for as they stand, separated by `¦`. Before each row stands what all its signs hold:
# where that is missing, none of them is looked for.
MARKS = {
    "contest": {
        "S": "Standard Input¦class Solution",
        "Sample ": "Sample Input¦Sample Output",
        "C": "\nConstraints:",
        "O": "Output: ",
        "ou are given": "You are given¦you are given",
        "0": "0-indexed",
        "R": "Return the ",
    },
    "huge": {
        "^": "10^5¦10^9¦10^{5}¦10^{9}¦10^{18}¦10^18¦10^9 + 7",
        "9": "998244353",
        "0": "200000",
        "m": "modulo",
    },
    "issue": {
        "### ": "### Bug¦### Description¦### What happened¦### Summary¦### Version¦### Problem",
        "D": "\nDescription\n",
        "R": "teps to Reproduce¦Reproducer",
        "xpected ": "xpected behavior¦xpected result¦xpected outcome",
        "<": "<!--",
        "ctual ": "ctual behavior¦ctual outcome",
        "u": "ug report",
        "x": "minimal example",
        "m": "last modified by",
        "t": "teps to reproduce",
    },
    "trace": {
        "T": "Traceback (most",
        "rror": "Error: ¦error[E¦rror:",
        "xception": "Exception in thread¦Exception:",
        ":": "panic:¦fatal:",
        "F": "FAILED",
        "R": "npm ERR",
        "S": "Segmentation fault",
        "\t": "\n\tat ",
        "\n": "\n    at ",
        "x": "exit code 1",
        "m": "core dumped",
    },
    "math": {
        "\\": (
            "\\frac¦\\begin{¦\\[¦\\pmod¦\\sqrt¦\\le ¦\\ge ¦\\cdot¦\\angle¦\\sum¦\\int¦\\triangle¦\\equiv¦"
            "\\overline¦\\dots¦\\theta¦\\pi"
        ),
        "$": "$$¦$x¦$n¦$a¦$f¦$P¦$A",
    },
    "program": {
        '"': '"""',
        "\n": "\ndef ¦\nclass ",
        "f": "function ",
        "#": "#include",
        "`": "```",
        "b": "public class",
        ">": "=> {",
        "m": "import ",
        "(": "();",
    },
    "image": {"--": " --ar ¦ --v ¦ --stylize", "mage": "text-to-image¦text to image¦Text to image"},
    "video": {"video": "text-to-video¦text to video¦Text to video¦Text-to-video"},
    "audio": {"speech": "text-to-speech¦text to speech¦Text to speech", "music": "text to music"},
}

PASTE_STARTS = (
    'Traceback¦File "¦at ¦#include¦import ¦diff --git¦@@¦+++¦---¦|¦+  ¦-  ¦def ¦class ¦return ¦$ ¦>>>¦E  ¦> ¦INFO¦WARN¦DEBUG'
    "¦//¦/*¦* @"
)

# Languages other than English. `make` = write/create/generate verbs; `ask` = what is / how do I.
STEMS = {
    "make": """schreib|erstell|erzeug|generier|mach mir|verfass|entwirf|écris|écrire|crée|créer|rédige|génère|fais|
        escrib|crea |crear|genera|redact|haz |hazme|escrev|crie|criar|gere |gerar|faça|scriv|crear|fammi|schrijf|maak|
        genereer|napisz|stwórz|wygeneruj|zrób|napiš|vytvoř|vygeneruj|yaz|oluştur|viết|tạo|buat|tulis|skriv|skapa|
        ~напиш|~созда|~сгенер|~сдела|~состав|~створ|~зроб|~写|~寫|~生成|~创建|~創建|~制作|~製作|~做一|~设计|~帮我做|~作成|~作って|
        ~書いて|~作って|~써|~작성|~만들|~생성|~اكتب|~أنشئ|~انشئ|~اصنع|~लिख|~बना|~تول|~γράψ|~δημιούργ|~כתוב|~צור|~เขียน|~สร้าง""",
    "draw": """zeichn|mal mir|male |dessine|dibuj|desenh|disegn|teken|narysuj|nakresli|çiz|vẽ|gambarkan|rita |tegn|
        ~нарису|~намалю|~画|~畫|~绘|~描いて|~그려|~그림을|~ارسم|~चित्र|~ζωγράφ|~วาด""",
    "code": """warteschlange|funktion|fonction|función|funcion|função|funzione|functie|funkcj|funkci|fonksiyon|hàm |fungsi|skript|programm|
        programme |programa|programma|klasse|classe|clase|requête|abfrage|consulta |zapytani|dotaz|sorgu|fehler behe|
        behebe|korrigier|füge|änder|ersetz|entfern|lösch|umbenen|benenn|corrig|ajoute|change |modifie|supprim|remplac|renomm|implément|
        agreg|añad|elimin|reemplaz|renombr|arregl|implement|adicion|altere|mude |corrij|substitu|renome|aggiung|rimuov|sostitui|
        rinomin|verwijder|wijzig|verander|voeg|vervang|hernoem|popraw|zmień|dodaj|usuń|zamień|oprav|přid|odstra|düzelt|ekle|kaldır|sửa|thay đổi|thêm|xóa|
        perbaiki|tambah|hapus|lägg till|ta bort|refaktor|refactor|optimier|optimis|optimiz|ottimizz|unittest|pruebas|
        tests unit|teste unit|testy|variabl|dateien|archivo|fichier|arquivo|quellcode|datenbank|base de datos|
        ~очеред|~функци|~скрипт|~программ|~код|~класс|~исправ|~добав|~удал|~замен|~переимен|~рефактор|~реализ|~тест|~запрос|~виправ|
        ~додай|~队列|~缓存|~函数|~函數|~代码|~代碼|~编程|~程序|~程式|~脚本|~报错|~修复|~修改|~改成|~改为|~爬虫|~重构|~实现|~添加|~删除|~接口|~单元测试|~关数|~キュー|~関数|~コード|
        ~スクリプト|~修正|~追加|~削除|~実装|~リファクタ|~テスト|~プログラム|~バグ|~함수|~코드|~스크립트|~수정|~추가|~삭제|~구현|~버그|~테스트|
        ~프로그램|~دالة|~كود|~برنامج|~أصلح|~اصلح|~أضف|~احذف|~फ़ंक्शन|~फंक्शन|~कोड|~प्रोग्राम|~ठीक|~जोड़|~συνάρτηση|~κώδικα|~פונקציה|~קוד|~ฟังก์ชัน|~โค้ด""",
    "text": """geschichte|gedicht|brief|aufsatz|artikel|absage|nachricht|übersetz|fasse|zusammenfass|einladung|beschreibung|
        entwurf|histoire|poème|lettre|courriel|traduis|traduire|traduct|résum|rédige|article de|historia|
        cuento|poema|correo|carta|artículo|traduc|tradu|resum|mensaje|novela|conto|história|artigo|mensagem|racconto|
        poesia|lettera|articolo|riassum|messaggio|verhaal|gedicht|vertaal|samenvat|bericht|opowiad|wiersz|list |
        przetłumacz|stresz|wiadomoś|příběh|báse|dopis|přelož|hikaye|şiir|mektup|çevir|özet|câu chuyện|bài thơ|kịch bản|
        bài viết|dịch|tóm tắt|cerita|puisi|surat|terjemah|ringkas|berättelse|översätt|sammanfatta|continuación|
        ~истори|~рассказ|~стих|~письмо|~стать|~перевед|~перекла|~резюм|~сочин|~эссе|~пост |~лист|~小说|~故事|~文章|~作文|~诗|~日记|
        ~剧本|~邮件|~信函|~翻译|~翻譯|~总结|~摘要|~演讲|~文案|~续写|~開頭|~开头|~物語|~小説|~話を|~詩|~メール|~手紙|~翻訳|~要約|~記事|~文章|
        ~이야기|~소설|~시를|~편지|~이메일|~메일|~번역|~요약|~기사|~قصة|~قصيدة|~رسالة|~مقال|~ترجم|~لخص|~कहानी|~कविता|~पत्र|~निबंध|~अनुवाद|
        ~सारांश|~ईमेल|~ιστορία|~ποίημα|~μετάφρασ|~סיפור|~תרגם|~เรื่อง|~แปล""",
    "analyze": """warum|wieso|analysier|erklär|vergleich|bewert|überprüf|prüf|berechn|beweis|untersuch|begründ|pourquoi|analys|
        expliqu|compar|évalu|vérifi|calcul|démontr|por qué|por que|porque |analiz|explica|explique|compara|evalúa|avali|
        revis|demuestr|demonstr|perché|spiega|confront|valuta|verifica|dimostr|waarom|leg uit|vergelijk|beoordeel|
        controleer|bereken|dlaczego|wyjaśnij|porówn|oceń|sprawdź|oblicz|udowodni|proč|vysvětli|porovn|spočít|dokaž|neden |
        açıkla|karşılaştır|hesapla|tại sao|giải thích|so sánh|phân tích|mengapa|kenapa|jelaskan|bandingkan|varför|förklara|
        jämför|~почему|~объясн|~сравни|~проанализ|~анализ|~оцени|~провер|~посчита|~вычисл|~рассчит|~докаж|~чому|~поясни|
        ~порівня|~为什么|~為什麼|~为何|~分析|~解释|~解釋|~比较|~比較|~评价|~评估|~检查|~审查|~计算|~證明|~证明|~原因|~優缺|~优缺|~なぜ|~説明|
        ~比較|~分析|~評価|~確認して|~計算|~証明|~レビュー|~原因|~왜|~설명|~비교|~분석|~평가|~검토|~계산|~증명|~لماذا|~اشرح|~قارن|~حلل|~احسب|~راجع|
        ~अثبت|~क्यों|~समझा|~तुलना|~विश्लेषण|~गणना|~जाँच|~γιατί|~εξήγησ|~σύγκριν|~למה|~הסבר|~השווה|~ทำไม|~อธิบาย|~เปรียบเทียบ""",
    "ask": """was ist|was sind|was bedeut|was heißt|wie kann|wie mache|wie heißt|welche|welcher|wo ist|wo find|wer ist|wann|
        wieviel|wie viel|qu'est|c'est quoi|comment |quelle|quel |où |qui est|combien|quand|que signifie|qué es|que es|qué
        signif|cómo |como |cuál|dónde|cuánt|quién|o que é|o que signif|o que |qual |onde |quanto|cos'è|che cos|cosa |
        come si|come posso|come |dove |quale|quant|wat is|wat betek|hoe |welke|waar |wie is|co to|co oznacza|jak |gdzie|jaki|
        która|ile |co je|kde |kolik|nedir|nasıl|nerede|hangi|kaç |là gì|thế nào|làm sao|ở đâu|apa itu|bagaimana|
        di mana|vad är|hur |var |hvad er|hva er|hvordan|~что такое|~что значит|~что означ|~как |~где |~какой|~какая|~какие|
        ~сколько|~кто |~когда|~що таке|~як |~什么是|~什麼是|~是什么|~是什麼|~怎么|~怎麼|~如何|~哪个|~哪里|~吗|~多少|~几个|~意思|~とは|
        ~どうやって|~方法|~どこ|~何です|~何を|~いくつ|~ですか|~무엇|~뭐|~어떻게|~어디|~방법|~인가요|~무슨|~ما هو|~ما هي|~ما معنى|~كيف|~أين|~متى|
        ~كم |~क्या|~कैसे|~कहाँ|~कहां|~कौन|~कब|~कितन|~τι είναι|~πώς|~που |~מה זה|~איך|~איפה|~คืออะไร|~อย่างไร|~ยังไง""",
    "research": """recherch|quelle|such nach|suche |belege|cherche |récent|liens|busca |reciente|enlaces|citas|busque|procure|recentes|links|cerca |zoek |aktuell|quellen|studien|neueste|marktübersicht|dernier|actuel|études|sources|investiga|fuentes|
        últim|actual|precios|pesquis|fontes|atuais|preços|ricerc|fonti|recenti|prezzi|onderzoek|bronnen|actuele|prijzen|
        wyszukaj|źródł|najnowsz|zbadaj|vyhled|zdroj|araştır|kaynak|güncel|nghiên cứu|mới nhất|teliti|terbaru|sumber|undersök|
        källor|senaste|~исследуй|~найди |~ссылк|~недавн|~свеж|~исследов|~источник|~последни|~актуальн|~обзор|~новост|~дослід|~链接|~查找|~搜索|~研究|~调研|~調研|~调查|~收集|~整理|~资料|
        ~文献|~最新|~现状|~趋势|~市场|~行业|~报告|~未来|~全球|~政策|~综述|~影响|~发展|~検索|~リンク|~調査|~調べ|~動向|~論文|~出典|~검색|~링크|~조사|~연구|~최신|~동향|~논문|~출처|
        ~ابحث|~روابط|~بحث|~مصادر|~أحدث|~दراس|~शोध|~नवीनतम|~स्रोत|~έρευν|~πηγές|~מחקר|~מקורות|~วิจัย|~ล่าสุด""",
    "image": """bild |bilder|logo|zeichnung|illustration|icon|image|dessin|icône|affiche|imagen|ilustra|dibujo|icono|cartel|
        imagem|desenho|ícone|immagine|disegno|icona|afbeelding|plaatje|tekening|obraz|rysunek|ikon|obráz|resim|görsel|hình|ảnh|
        gambar|bild|~картин|~изображ|~логотип|~иконк|~рисун|~зображ|~图片|~图像|~圖片|~插图|~海报|~图标|~头像|~壁纸|~一张|~画像|~イラスト|~ロゴ|
        ~絵を|~アイコン|~이미지|~그림|~로고|~아이콘|~사진|~صورة|~شعار|~رسم|~तस्वीर|~चित्र|~लोगो|~εικόνα|~תמונה|~รูป|~ภาพ""",
    "video": """video|vídeo|vidéo|animation|clip |animación|animação|animazione|wideo|animacj|~видео|~ролик|~анимац|~відео|~视频|
        ~視頻|~动画|~短片|~動画|~アニメーション|~비디오|~동영상|~영상|~애니메이션|~فيديو|~वीडियो|~βίντεο|~סרטון|~วิดีโอ""",
    "audio": """audio|musik|klang|geräusch|vorlesen|lies vor|musique|lis à voix|voix off|música|locuç|locuc|sonido|som de|
        efecto de sonido|musica|suono|jingle|muziek|geluid|muzyk|dźwięk|hudb|müzik|ses |âm thanh|nhạc|ljud|~музык|~звук|
        ~озвуч|~аудио|~мелод|~音频|~音乐|~音樂|~朗读|~配音|~音效|~音声|~音楽|~読み上げ|~効果音|~음악|~음성|~오디오|~소리|~موسيق|~صوت|~संगीत|~ऑडियो|
        ~आवाज|~μουσική|~ήχο|~מוזיקה|~เพลง|~เสียง""",
    "hard": """architektur|nebenläufig|verteilt|skalier|sicherheit|migrier|umstell|entwirf|mehrere|ohne |architectur|concurren|
        réparti|distribu|sécurité|migre|plusieurs|sans |arquitect|arquitet|seguridad|segurança|migra|varios|vários|sin |
        sem |architettura|sicurezza|senza|diversi|architect|beveilig|zonder|bez |architektu|rozprosz|bezpiecze|współbież|
        wiele|mimar|güvenlik|dağıtık|~архитектур|~распредел|~многопоточ|~параллел|~безопасн|~масштаб|~миграц|~нескольк|~без |
        ~утечк|~гонк|~架构|~並發|~并发|~分布式|~安全|~迁移|~性能|~优化|~系统|~多个|~设计|~内存泄漏|~並行|~分散|~設計|~移行|~最適化|~メモリ|
        ~아키텍처|~동시성|~분산|~보안|~마이그레이션|~성능|~설계|~معماري|~موزع|~أمان|~بدون|~सुरक्षा|~वितरित|~आर्किटेक्चर|~αρχιτεκτονικ""",
    "deep": """beweis|deadlock|wettlauf|race condition|genau einmal|sperrfrei|prouve|démontr|interblocage|demuestr|demostra|
        demonstr|prova |provar|dimostra|dimostr|condition de course|condición de carrera|condição de corrida|bewijs|
        udowodni|zakleszcz|wyścig|dokaž|kanıtla|chứng minh|buktikan|bevisa|~докаж|~доказат|~взаимоблокир|~без блокиров|
        ~состояние гонки|~证明|~證明|~死锁|~无锁|~竞态|~線形化|~证明|~証明|~デッドロック|~競合状態|~증명|~교착|~경쟁 상태|~أثبت|~برهن|~सिद्ध|
        ~απόδειξ|~הוכח|~พิสูจน์""",
    "trivial": """tippfehler|umbenenn|benenne|farbe|überschrift|kommentar|faute de frappe|renomm|couleur|commentaire|renombr|
        renome|color |cor do|errata|comentari|rinomin|colore|refuso|hernoem|kleur|typfout|literów|kolor|zmień nazw|překlep|
        barv|yazım|renk|đổi tên|màu|~опечатк|~переимен|~цвет|~комментар|~错别字|~重命名|~颜色|~注释|~誤字|~名前を|~色を|~コメント|~오타|~이름을|~색|
        ~주석|~لون|~रंग|~χρώμα""",
}
