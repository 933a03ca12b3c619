import kit from './index.cjs'

export const { Server, Space, withSpace } = kit
