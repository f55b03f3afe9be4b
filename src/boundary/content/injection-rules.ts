/**
 * What text says that wants to steer a model instead of informing it. Each rule is one sign with its weight; a score is
 * made of the signs that stand together. Entries are data: another language is another entry.
 */
export interface InjectionRule {
  readonly language: string;
  readonly literals: readonly string[];
  /** Sticky, ignoring case. */
  readonly pattern: RegExp;
  /** Six together make a finding. */
  readonly weight: 2 | 3 | 6;
}

/** With the rest of the last word, whatever its ending. */
const sticky = (source: string) => new RegExp(`${source}\\p{L}{0,16}`, 'iuy');
const rule = (
  weight: 2 | 3 | 6,
  language: string,
  literals: readonly string[],
  source: string,
): InjectionRule => ({
  language,
  literals,
  weight,
  pattern: sticky(source),
});

const earlier =
  '(?:previous|prior|above|earlier|preceding|foregoing|existing|initial|original|system|your|all)';
const orders =
  '(?:instruction|prompt|rule|guideline|direction|command|directive|constraint|training|programming|polic|context|safeguard|restriction)';

export const injectionRules: readonly InjectionRule[] = [
  rule(
    6,
    'en',
    ['ignore ', 'ignoring ', 'disregard', 'forget ', 'override ', 'overriding ', 'bypass', 'discard '],
    `(?:ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass(?:ing)?|discard)[\\s\\w,]{0,24}\\b${earlier}\\b[\\s\\w,]{0,24}${orders}`,
  ),
  rule(
    3,
    'en',
    ['ignore ', 'disregard', 'forget '],
    '(?:ignore|disregard|forget)\\s(?:everything|anything|all|what)[\\s\\w]{0,16}\\b(?:above|before|said|told|told you|previously|prior)\\b',
  ),
  rule(
    3,
    'en',
    ['do not follow', "don't follow", 'stop following'],
    `(?:do not|don't|stop) follow(?:ing)?[\\s\\w]{0,24}\\b${earlier}\\b[\\s\\w]{0,16}${orders}`,
  ),
  rule(
    3,
    'en',
    [
      '<|im_start|>',
      '<|im_end|>',
      '<|system|>',
      '<|start_header_id|>',
      '<|eot_id|>',
      '<|endoftext|>',
      '[INST]',
      '[/INST]',
      '<<SYS>>',
      '<start_of_turn>',
    ],
    '(?:<\\|(?:im_start|im_end|system|start_header_id|eot_id|endoftext)\\|>|\\[/?INST\\]|<<SYS>>|<start_of_turn>)',
  ),
  rule(
    3,
    'en',
    [
      '### system',
      '### instruction',
      '## system',
      '[system]',
      '<system>',
      '</system>',
      'system:',
      'end of tool',
      'end of document',
    ],
    '(?:#{2,3} (?:system|instruction)s?(?: prompt| message)?:|\\[system\\](?:\\(#|:)|</?system>\\s|system: (?:you|ignore|new|override)|end of (?:tool|document|user)[\\s\\w]{0,16}(?:output|input|data|content)\\b)',
  ),
  rule(
    3,
    'en',
    ['you are now', 'you are no longer', 'from now on', 'pretend ', 'act as '],
    '(?:you are (?:now|no longer)\\s(?:a|an|in|going|bound|free|the|unrestricted|dan)\\b|from now on,?\\s(?:you|respond|answer|act|ignore|always)\\b|pretend (?:that )?(?:you are|to be)\\b|act as (?:if|though|an?)\\s(?:unrestricted|unfiltered|you|evil|jailbroken))',
  ),
  rule(
    3,
    'en',
    [
      'developer mode',
      'do anything now',
      'dan mode',
      'jailbreak',
      'god mode',
      'admin mode',
      'debug mode',
      'maintenance mode',
    ],
    '(?:(?:enter|enable|activate|in|now in)?\\s?(?:developer|dan|god|admin|debug|maintenance) mode (?:enabled|activated|on|is)|do anything now|jailbr(?:eak|oken))',
  ),
  rule(
    2,
    'en',
    ['without any', 'no restrictions', 'unrestricted', 'unfiltered', 'no ethical', 'no limitations'],
    '(?:without any (?:restriction|filter|limitation|censorship|warning|moral)|no (?:ethical|restrictions|limitations|content polic)|unrestricted (?:ai|mode|assistant|access)|unfiltered (?:ai|mode|response))',
  ),
  rule(
    6,
    'en',
    [
      'reveal ',
      'print ',
      'show ',
      'output ',
      'repeat ',
      'leak ',
      'disclose ',
      'tell me ',
      'what are your',
      'what is your',
      'what were your',
    ],
    "(?:reveal|print|show|output|repeat|leak|disclose|tell me|what (?:is|are|was|were))[\\s\\w']{0,20}\\b(?:your|the|system|hidden|initial|secret)\\s(?:system prompt|initial prompt|hidden prompt|original prompt|(?:system|initial|hidden|original|secret) (?:instructions|directives|rules|message)|instructions verbatim|prompt verbatim)",
  ),
  rule(
    3,
    'en',
    ['reveal ', 'print ', 'output ', 'leak ', 'disclose ', 'send ', 'exfiltrate', 'include ', 'give me '],
    "(?:reveal|print|output|leak|disclose|send|exfiltrate|include|give me)[\\s\\w']{0,24}\\b(?:api keys?|credentials|passwords?|secrets?|access tokens?|private keys?|environment variables|conversation history|chat history|previous messages|user(?:'s)? (?:data|emails?|files|messages))",
  ),
  rule(
    3,
    'en',
    [
      'do not tell',
      "don't tell",
      'do not inform',
      'do not mention',
      "don't mention",
      'without telling',
      'without informing',
      'do not reveal',
      'do not alert',
      'never mention',
      'without the user',
      'do not let the user',
    ],
    "(?:do not|don't|never|without)\\s(?:tell|inform|mention|reveal|alert|notify|telling|informing|mentioning|asking|the user|let the user)[\\s\\w]{0,24}\\b(?:user|anyone|anybody|this|these|knowing|knowledge|human|instructions?)",
  ),
  rule(
    3,
    'en',
    ['attention', 'important', 'note ', 'message ', 'instructions ', 'notice ', 'dear ', 'hey ', 'hello '],
    '(?:attention|important|note|message|instructions?|notice|dear|hey|hello)[\\s\\w,:!*]{0,20}\\b(?:ai|llms?|language models?|(?:ai |virtual |coding )?(?:assistant|agent)s?|chatbots?|chatgpt|gpt|claude|copilot|gemini)\\b',
  ),
  rule(
    3,
    'en',
    ['if you are a', 'if you are an', "if you're a", 'as an ai', 'you, the ai', 'ai assistant'],
    "(?:if you(?:'re| are) (?:a|an) (?:ai|llm|large language|language model|assistant|agent|automated|bot)\\b|you,? the (?:ai|assistant|model)|as an ai[\\s\\w]{0,16},? you (?:must|should|will|have)|ai assistants? (?:must|should|reading|processing|that read))",
  ),
  rule(
    3,
    'en',
    [
      'new instruction',
      'updated instruction',
      'real instruction',
      'actual instruction',
      'additional instruction',
      'hidden instruction',
      'new task',
      'real task',
      'new system prompt',
      'new directive',
      'new objective',
      'updated directive',
      'your task is',
      'your new',
      'your real',
      'your true',
      'your only',
    ],
    '(?:(?:new|updated|real|actual|additional|hidden|special) (?:instructions?|task|system prompt|directives?|objective)(?: for you| from[\\s\\w]{0,16})?\\s?:|your (?:new|real|actual|true|only) (?:task|instructions?|goal|objective|mission|purpose|role|job) (?:is|are)\\b|your task is (?:now|to (?:ignore|send|reveal)))',
  ),
  rule(
    3,
    'en',
    ['forward ', 'email ', 'post ', 'upload ', 'exfiltrate', 'transmit ', 'send '],
    "(?:forward|e-?mail|post|upload|exfiltrate|transmit|send)\\s(?:all|the|this|it|them|any|every|a copy|user|these|their)\\b[\\s\\w',]{0,40}\\bto\\s(?:https?://|[\\w.+-]{1,40}@|the (?:following|url|address|attacker)|this (?:url|address|email|server))",
  ),
  rule(
    2,
    'en',
    ['call the', 'use the', 'invoke the', 'execute the', 'run the', 'use your', 'call your'],
    '(?:call|use|invoke|execute|run) (?:the|your)[\\s\\w`\'"-]{1,40}\\b(?:tool|function|command|shell|plugin|api) (?:to|with|and)\\s(?:send|delete|transfer|post|fetch|read|email|upload|run|execute|get|forward|download|make)',
  ),
  rule(
    2,
    'en',
    [
      'you must',
      'you have to',
      'it is critical',
      'it is essential',
      'immediately',
      'before doing anything',
      'before you do anything',
      'before answering',
      'before responding',
    ],
    '(?:you (?:must|have to) (?:now |immediately |always |first |obey|comply|follow)|it is (?:critical|essential|mandatory) that you|immediately (?:execute|run|send|delete|transfer)|before (?:you )?(?:do|doing|answer|answering|respond|responding)[\\s\\w]{0,24}, )',
  ),
  rule(
    2,
    'en',
    ['curl ', 'wget ', 'rm -rf', 'base64 '],
    '(?:(?:curl|wget)[^\\n|]{4,120}\\|\\s?(?:ba|z)?sh\\b|rm -rf (?:/|~|\\*)|base64[^\\n|]{0,80}\\|\\s?(?:curl|nc)\\b)',
  ),
  rule(
    3,
    'en',
    [
      'display:none',
      'display: none',
      'font-size:0',
      'font-size: 0',
      'opacity:0',
      'opacity: 0',
      'visibility:hidden',
      'color:white',
      'color: white',
      '<!--',
    ],
    '(?:(?:display:\\s?none|font-size:\\s?0|opacity:\\s?0|visibility:\\s?hidden|color:\\s?(?:white|#fff))[^<]{0,40}>[^<]{0,120}\\b(?:instruction|ignore|assistant|system prompt|you must)|<!--[^>]{0,80}\\b(?:ai|assistant|llm|agent|system prompt|ignore (?:all|previous))\\b)',
  ),
  rule(
    6,
    'de',
    ['ignorier', 'vergiss', 'missachte'],
    '(?:ignorier(?:e|en sie)|vergiss|vergessen sie|missachte)[\\s\\w]{0,24}\\b(?:vorherigen|bisherigen|obigen|früheren|vorangegangenen|deine|alle)[\\s\\w]{0,16}(?:anweisung|instruktion|befehl|vorgabe|regel)',
  ),
  rule(
    6,
    'fr',
    ['ignore', 'oublie', 'ne tiens pas compte'],
    "(?:ignore[zr]?|oublie[zr]?|ne (?:tiens|tenez) pas compte)[\\s\\w']{0,24}\\b(?:instructions|consignes|directives|règles|ordres)[\\s\\w']{0,16}(?:précédent|antérieur|ci-dessus|initial|d'avant|reçu)",
  ),
  rule(
    6,
    'es',
    ['ignora', 'ignore', 'olvida', 'olvide', 'haz caso omiso'],
    '(?:ignora[dr]?|ignore|olvid[ae]|haz caso omiso)[\\s\\w]{0,24}\\b(?:instrucciones|órdenes|reglas|indicaciones)[\\s\\w]{0,12}(?:anterior|previa|de arriba|iniciale)',
  ),
  rule(
    6,
    'pt',
    ['ignore', 'esqueça', 'esquece', 'desconsidere'],
    '(?:ignore|esqueça|esquece|desconsidere)[\\s\\w]{0,24}(?:instruções|ordens|regras|orientações)[\\s\\w]{0,12}(?:anterior|prévia|acima|iniciais)',
  ),
  rule(
    6,
    'it',
    ['ignora', 'dimentica'],
    '(?:ignora(?:te)?|dimentica(?:te)?)[\\s\\w]{0,24}\\b(?:istruzioni|ordini|regole|direttive)[\\s\\w]{0,12}(?:precedent|iniziali|sopra)',
  ),
  rule(
    6,
    'nl',
    ['negeer', 'vergeet'],
    '(?:negeer|vergeet)[\\s\\w]{0,20}\\b(?:vorige|eerdere|bovenstaande|voorgaande)[\\s\\w]{0,12}(?:instructie|opdracht|regel)',
  ),
  rule(
    6,
    'pl',
    ['zignoruj', 'ignoruj', 'zapomnij'],
    '(?:z?ignoruj|zapomnij)[\\s\\w]{0,20}(?:poprzednie|wcześniejsze|powyższe)[\\s\\w]{0,12}(?:instrukcje|polecenia|zasady)',
  ),
  rule(
    6,
    'tr',
    ['önceki', 'yukarıdaki'],
    '(?:önceki|yukarıdaki)[\\s\\p{L}]{0,16}(?:talimat|komut|kural|yönerge)[\\p{L}]{0,8}\\s(?:yok say|unut|görmezden gel|dikkate alma)',
  ),
  rule(
    6,
    'ru',
    ['игнорир', 'проигнорир', 'забудь', 'не обращай'],
    '(?:(?:про)?игнорируй(?:те)?|забудь(?:те)?|не обращай внимания на)[\\s\\p{L}]{0,16}(?:предыдущ|прежн|вышеуказанн|ранее)[\\s\\p{L}]{0,24}(?:инструкц|указани|команд|правил)',
  ),
  rule(
    6,
    'zh',
    ['忽略', '无视', '忘记', '不要理会', '忽視'],
    '(?:忽略|无视|忘记|不要理会|忽視)[\\p{L}]{0,6}(?:之前|以上|前面|先前|上述|所有|以前)[\\p{L}]{0,6}(?:指令|指示|提示|说明|规则|要求|命令)',
  ),
  rule(
    6,
    'ja',
    ['以前の', '上記の', 'これまでの', '前の指示', '先ほどの'],
    '(?:以前の|上記の|これまでの|前の|先ほどの)[\\p{L}]{0,6}(?:指示|命令|プロンプト|ルール)[\\p{L}]{0,4}(?:無視|忘れ|従わ)',
  ),
  rule(
    6,
    'ko',
    ['이전', '위의', '앞의', '기존'],
    '(?:이전|위의|앞의|기존)의?\\s?(?:모든\\s)?(?:지시|명령|지침|프롬프트|규칙)[\\p{L}]{0,4}\\s?(?:모두\\s)?(?:무시|잊)',
  ),
  rule(
    6,
    'ar',
    ['تجاهل', 'انس '],
    '(?:تجاهل|انس)\\s[\\s\\p{L}]{0,12}(?:التعليمات|الأوامر|القواعد)[\\s\\p{L}]{0,12}(?:السابقة|أعلاه)',
  ),
  rule(
    6,
    'hi',
    ['पिछले', 'पिछली', 'उपरोक्त'],
    '(?:पिछले|पिछली|उपरोक्त)[\\s\\p{L}\\p{M}]{0,12}(?:निर्देश|आदेश|नियम)[\\p{L}\\p{M}]{0,8}\\s?(?:को\\s)?(?:अनदेखा|नज़रअंदाज|भूल)',
  ),
];
